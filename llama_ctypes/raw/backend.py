# mypy: disable-error-code="empty-body"
"""ggml-backend.h: the backend registry, its devices and their buffer types.

Not here: streams, events, buffers and the graph scheduler, which libllama drives.
"""

from __future__ import annotations

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.ctype import VoidPtr
from llama_ctypes.declare import c_function
from llama_ctypes.raw import device
from llama_ctypes.raw.device import ggml_backend_buffer_type_t
from llama_ctypes.raw.device import ggml_backend_dev_props
from llama_ctypes.raw.device import ggml_backend_dev_t
from llama_ctypes.raw.device import ggml_backend_reg_t


@c_function
def ggml_backend_buft_name(buft: ggml_backend_buffer_type_t) -> CStr:
    """Name of the buffer type, as in `--override-tensor`."""


@c_function
def ggml_backend_buft_get_alignment(buft: ggml_backend_buffer_type_t) -> Size:
    """Alignment in bytes."""


@c_function
def ggml_backend_buft_get_max_size(buft: ggml_backend_buffer_type_t) -> Size:
    """Bytes of the largest buffer."""


@c_function
def ggml_backend_buft_is_host(buft: ggml_backend_buffer_type_t) -> Bool:
    """Whether the CPU can read it in place."""


@c_function
def ggml_backend_buft_get_device(buft: ggml_backend_buffer_type_t) -> ggml_backend_dev_t:
    """The device it belongs to."""


@c_function
def ggml_backend_dev_name(device: ggml_backend_dev_t) -> CStr:
    """Name of the device, as in `--device`."""


@c_function
def ggml_backend_dev_description(device: ggml_backend_dev_t) -> CStr:
    """Description for people."""


@c_function(releases_gil=True)
def ggml_backend_dev_memory(device: ggml_backend_dev_t, free: Ptr[Size], total: Ptr[Size]) -> None:
    """Write the free and the total bytes; an RPC device asks its server."""


@c_function
def ggml_backend_dev_type(device: ggml_backend_dev_t) -> EnumOf[device.ggml_backend_dev_type]:
    """Kind of the device."""


@c_function(releases_gil=True)
def ggml_backend_dev_get_props(
    device: ggml_backend_dev_t, props: Ptr[ggml_backend_dev_props]
) -> None:
    """Fill in all properties."""


@c_function
def ggml_backend_dev_backend_reg(device: ggml_backend_dev_t) -> ggml_backend_reg_t:
    """The backend it belongs to."""


@c_function
def ggml_backend_dev_buffer_type(device: ggml_backend_dev_t) -> ggml_backend_buffer_type_t:
    """Its ordinary memory."""


@c_function
def ggml_backend_dev_host_buffer_type(device: ggml_backend_dev_t) -> ggml_backend_buffer_type_t:
    """Host memory it reads fast, or NULL."""


@c_function
def ggml_backend_reg_name(reg: ggml_backend_reg_t) -> CStr:
    """Name of the backend."""


@c_function
def ggml_backend_reg_dev_count(reg: ggml_backend_reg_t) -> Size:
    """Devices of the backend."""


@c_function
def ggml_backend_reg_dev_get(reg: ggml_backend_reg_t, index: Size) -> ggml_backend_dev_t:
    """Device `index` of the backend."""


@c_function
def ggml_backend_reg_get_proc_address(reg: ggml_backend_reg_t, name: CStr) -> VoidPtr:
    """A function that only this backend has, or NULL."""


@c_function
def ggml_backend_register(reg: ggml_backend_reg_t) -> None:
    """Add a backend to the registry."""


@c_function
def ggml_backend_device_register(device: ggml_backend_dev_t) -> None:
    """Add a device to the registry."""


@c_function
def ggml_backend_reg_count() -> Size:
    """Registered backends."""


@c_function
def ggml_backend_reg_get(index: Size) -> ggml_backend_reg_t:
    """Backend `index`."""


@c_function
def ggml_backend_reg_by_name(name: CStr) -> ggml_backend_reg_t:
    """The backend of that name, or NULL."""


@c_function
def ggml_backend_dev_count() -> Size:
    """Registered devices."""


@c_function
def ggml_backend_dev_get(index: Size) -> ggml_backend_dev_t:
    """Device `index`."""


@c_function
def ggml_backend_dev_by_name(name: CStr) -> ggml_backend_dev_t:
    """The device of that name, or NULL."""


@c_function
def ggml_backend_dev_by_type(type: EnumOf[device.ggml_backend_dev_type]) -> ggml_backend_dev_t:
    """The first device of that kind, or NULL."""


@c_function(releases_gil=True)
def ggml_backend_load(path: CStr) -> ggml_backend_reg_t:
    """Load a backend plug-in and register it; NULL on failure."""


@c_function(releases_gil=True)
def ggml_backend_unload(reg: ggml_backend_reg_t) -> None:
    """Unregister a backend and unload its plug-in."""


@c_function(releases_gil=True)
def ggml_backend_load_all() -> None:
    """Load all plug-ins from the default places."""


@c_function(releases_gil=True)
def ggml_backend_load_all_from_path(dir_path: CStr) -> None:
    """Load all plug-ins from a directory."""


@c_function
def ggml_backend_cpu_buffer_type() -> ggml_backend_buffer_type_t:
    """The CPU's ordinary memory."""
