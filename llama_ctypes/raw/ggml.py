# mypy: disable-error-code="empty-body"
"""ggml.h: types, names, clock, log and thread pool parameters.

Not here: tensors and graphs, which libllama builds for itself.
"""

from __future__ import annotations

from ctypes import Array
from ctypes import Structure
from ctypes import c_bool
from enum import IntEnum
from typing import Annotated

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Callback
from llama_ctypes.ctype import Constant
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import CType
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Int
from llama_ctypes.ctype import Int64
from llama_ctypes.ctype import Opaque
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.ctype import UInt32
from llama_ctypes.ctype import VoidPtr
from llama_ctypes.declare import c_callback
from llama_ctypes.declare import c_enum
from llama_ctypes.declare import c_function
from llama_ctypes.declare import c_struct

GGML_MAX_DIMS: Constant = 4
GGML_MAX_N_THREADS: Constant = 512
GGML_MAX_NAME: Constant = 64
GGML_DEFAULT_N_THREADS: Constant = 4
GGML_EXIT_SUCCESS: Constant = 0
GGML_EXIT_ABORTED: Constant = 1
GGML_ROPE_TYPE_NORMAL: Constant = 0
GGML_ROPE_TYPE_NEOX: Constant = 2
GGML_ROPE_TYPE_MROPE: Constant = 8
GGML_ROPE_TYPE_VISION: Constant = 24
GGML_ROPE_TYPE_IMROPE: Constant = 40
GGML_MROPE_SECTIONS: Constant = 4
GGML_QNT_VERSION: Constant = 2


class FILE(Opaque):
    """A C stdio stream."""

    c_spelling = "FILE"


class ggml_tensor(Opaque):
    """A tensor."""


class ggml_context(Opaque):
    """An arena of tensors."""


class ggml_cgraph(Opaque):
    """A compute graph."""


class ggml_threadpool(Opaque):
    """Threads that compute graphs."""


ggml_threadpool_t = Ptr[ggml_threadpool]


@c_enum
class ggml_status(IntEnum):
    """What computing a graph returned."""

    GGML_STATUS_ALLOC_FAILED = -2
    GGML_STATUS_FAILED = -1
    GGML_STATUS_SUCCESS = 0
    GGML_STATUS_ABORTED = 1


@c_enum
class ggml_type(IntEnum):
    """Element types of tensors, quantised ones included."""

    GGML_TYPE_F32 = 0
    GGML_TYPE_F16 = 1
    GGML_TYPE_Q4_0 = 2
    GGML_TYPE_Q4_1 = 3
    GGML_TYPE_Q5_0 = 6
    GGML_TYPE_Q5_1 = 7
    GGML_TYPE_Q8_0 = 8
    GGML_TYPE_Q8_1 = 9
    GGML_TYPE_Q2_K = 10
    GGML_TYPE_Q3_K = 11
    GGML_TYPE_Q4_K = 12
    GGML_TYPE_Q5_K = 13
    GGML_TYPE_Q6_K = 14
    GGML_TYPE_Q8_K = 15
    GGML_TYPE_IQ2_XXS = 16
    GGML_TYPE_IQ2_XS = 17
    GGML_TYPE_IQ3_XXS = 18
    GGML_TYPE_IQ1_S = 19
    GGML_TYPE_IQ4_NL = 20
    GGML_TYPE_IQ3_S = 21
    GGML_TYPE_IQ2_S = 22
    GGML_TYPE_IQ4_XS = 23
    GGML_TYPE_I8 = 24
    GGML_TYPE_I16 = 25
    GGML_TYPE_I32 = 26
    GGML_TYPE_I64 = 27
    GGML_TYPE_F64 = 28
    GGML_TYPE_IQ1_M = 29
    GGML_TYPE_BF16 = 30
    GGML_TYPE_TQ1_0 = 34
    GGML_TYPE_TQ2_0 = 35
    GGML_TYPE_MXFP4 = 39
    GGML_TYPE_NVFP4 = 40
    GGML_TYPE_Q1_0 = 41
    GGML_TYPE_Q2_0 = 42
    GGML_TYPE_COUNT = 43


@c_enum
class ggml_log_level(IntEnum):
    """Levels of the log callback; CONT continues the line before."""

    GGML_LOG_LEVEL_NONE = 0
    GGML_LOG_LEVEL_DEBUG = 1
    GGML_LOG_LEVEL_INFO = 2
    GGML_LOG_LEVEL_WARN = 3
    GGML_LOG_LEVEL_ERROR = 4
    GGML_LOG_LEVEL_CONT = 5


@c_enum
class ggml_sched_priority(IntEnum):
    """Thread priorities."""

    GGML_SCHED_PRIO_LOW = -1
    GGML_SCHED_PRIO_NORMAL = 0
    GGML_SCHED_PRIO_MEDIUM = 1
    GGML_SCHED_PRIO_HIGH = 2
    GGML_SCHED_PRIO_REALTIME = 3


@c_callback
class ggml_abort_callback_t(Callback):
    """Told of a fatal error just before the process aborts."""

    def __call__(self, error_message: CStr) -> None:
        """The message is valid during the call."""


@c_callback
class ggml_abort_callback(Callback):
    """Asked during compute; true stops it. Called on ggml's threads."""

    def __call__(self, data: VoidPtr) -> Bool:
        """`data` is what was registered with it."""


@c_callback
class ggml_log_callback(Callback):
    """Receives log text, on whatever thread logs."""

    def __call__(self, level: EnumOf[ggml_log_level], text: CStr, user_data: VoidPtr) -> None:
        """A line may come in several calls, of which the later ones have level CONT."""


@c_struct
class ggml_threadpool_params(Structure):
    """How a thread pool is made. ggml.h: struct ggml_threadpool_params"""

    cpumask: Annotated[Array[c_bool], CType(c_bool * GGML_MAX_N_THREADS, "bool[512]")]
    n_threads: Int
    prio: EnumOf[ggml_sched_priority]
    poll: UInt32
    strict_cpu: Bool
    paused: Bool


@c_function
def ggml_set_abort_callback(callback: ggml_abort_callback_t) -> ggml_abort_callback_t:
    """Register who hears of fatal errors, NULL for the default; returns the one before."""


@c_function
def ggml_status_to_string(status: EnumOf[ggml_status]) -> CStr:
    """The name of a status."""


@c_function
def ggml_version() -> CStr:
    """Version of ggml."""


@c_function
def ggml_commit() -> CStr:
    """Commit that ggml was built from, as far as the build knew it."""


@c_function
def ggml_time_init() -> None:
    """Start the clock; llama_backend_init() does it."""


@c_function
def ggml_time_ms() -> Int64:
    """Monotonic milliseconds."""


@c_function
def ggml_time_us() -> Int64:
    """Monotonic microseconds."""


@c_function
def ggml_blck_size(type: EnumOf[ggml_type]) -> Int64:
    """Elements of a block of the type."""


@c_function
def ggml_type_size(type: EnumOf[ggml_type]) -> Size:
    """Bytes of a block of the type."""


@c_function
def ggml_row_size(type: EnumOf[ggml_type], ne: Int64) -> Size:
    """Bytes of a row of `ne` elements."""


@c_function
def ggml_type_name(type: EnumOf[ggml_type]) -> CStr:
    """The type's lower-case name, as in `--cache-type-k q8_0`."""


@c_function
def ggml_is_quantized(type: EnumOf[ggml_type]) -> Bool:
    """Whether the type packs elements into blocks."""


@c_function
def ggml_quantize_requires_imatrix(type: EnumOf[ggml_type]) -> Bool:
    """Whether quantising to the type needs an importance matrix."""


@c_function
def ggml_log_get(log_callback: Ptr[ggml_log_callback], user_data: Ptr[VoidPtr]) -> None:
    """Read the registered log callback and its user data."""


@c_function
def ggml_log_set(log_callback: ggml_log_callback, user_data: VoidPtr) -> None:
    """Register the log callback of ggml alone; llama_log_set() covers both libraries."""


@c_function
def ggml_threadpool_params_default(n_threads: Int) -> ggml_threadpool_params:
    """Parameters with their defaults for `n_threads`."""


@c_function
def ggml_threadpool_params_init(p: Ptr[ggml_threadpool_params], n_threads: Int) -> None:
    """Fill `p` with the defaults for `n_threads`."""


@c_function
def ggml_threadpool_params_match(
    p0: ConstPtr[ggml_threadpool_params], p1: ConstPtr[ggml_threadpool_params]
) -> Bool:
    """Whether two sets of parameters ask for the same pool."""
