# mypy: disable-error-code="empty-body"
"""ggml-backend.h: types of backends, devices and buffers."""

from __future__ import annotations

from ctypes import Structure
from enum import IntEnum

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Callback
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Float
from llama_ctypes.ctype import Int
from llama_ctypes.ctype import Opaque
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.ctype import VoidPtr
from llama_ctypes.declare import c_callback
from llama_ctypes.declare import c_enum
from llama_ctypes.declare import c_struct
from llama_ctypes.raw.ggml import ggml_tensor


class ggml_backend(Opaque):
    """A backend stream."""


class ggml_backend_buffer(Opaque):
    """Memory of a device."""


class ggml_backend_buffer_type(Opaque):
    """A kind of memory that a device offers."""


class ggml_backend_device(Opaque):
    """A device: CPU, GPU, accelerator, or one behind RPC."""


class ggml_backend_reg(Opaque):
    """A registered backend, owner of devices."""


ggml_backend_t = Ptr[ggml_backend]
ggml_backend_buffer_t = Ptr[ggml_backend_buffer]
ggml_backend_buffer_type_t = Ptr[ggml_backend_buffer_type]
ggml_backend_dev_t = Ptr[ggml_backend_device]
ggml_backend_reg_t = Ptr[ggml_backend_reg]


@c_enum
class ggml_backend_dev_type(IntEnum):
    """Kinds of devices."""

    GGML_BACKEND_DEVICE_TYPE_CPU = 0
    GGML_BACKEND_DEVICE_TYPE_GPU = 1
    GGML_BACKEND_DEVICE_TYPE_IGPU = 2
    GGML_BACKEND_DEVICE_TYPE_ACCEL = 3
    GGML_BACKEND_DEVICE_TYPE_META = 4


@c_struct
class ggml_backend_dev_caps(Structure):
    """What a device can do."""

    async_: Bool
    host_buffer: Bool
    buffer_from_host_ptr: Bool
    events: Bool
    mmap_support: Bool


@c_struct
class ggml_backend_dev_props(Structure):
    """All properties of a device; strings belong to the device."""

    name: CStr
    description: CStr
    memory_free: Size
    memory_total: Size
    type: EnumOf[ggml_backend_dev_type]
    device_id: CStr
    caps: ggml_backend_dev_caps


@c_struct
class ggml_backend_feature(Structure):
    """One flag of a backend, e.g. AVX2 = 1."""

    name: CStr
    value: CStr


@c_callback
class ggml_backend_sched_eval_callback(Callback):
    """Watches graph nodes: asked first (`ask`), then shown the tensor; false cancels."""

    def __call__(self, t: Ptr[ggml_tensor], ask: Bool, user_data: VoidPtr) -> Bool:
        """Called on the computing thread."""


@c_callback
class ggml_backend_set_n_threads_t(Callback):
    """Proc "ggml_backend_set_n_threads" of a registered backend."""

    def __call__(self, backend: ggml_backend_t, n_threads: Int) -> None:
        """Set the threads of one stream."""


@c_callback
class ggml_backend_dev_get_extra_bufts_t(Callback):
    """Proc "ggml_backend_dev_get_extra_bufts": more buffer types of a device."""

    def __call__(self, device: ggml_backend_dev_t) -> Ptr[ggml_backend_buffer_type_t]:
        """An array that ends with NULL, owned by the backend."""


@c_callback
class ggml_backend_split_buffer_type_t(Callback):
    """Proc "ggml_backend_split_buffer_type": memory split by rows over devices."""

    def __call__(
        self, main_device: Int, tensor_split: ConstPtr[Float]
    ) -> ggml_backend_buffer_type_t:
        """`tensor_split`: one share a device."""


@c_callback
class ggml_backend_get_features_t(Callback):
    """Proc "ggml_backend_get_features": the flags a backend was built with."""

    def __call__(self, reg: ggml_backend_reg_t) -> Ptr[ggml_backend_feature]:
        """An array that ends with a NULL name, owned by the backend."""
