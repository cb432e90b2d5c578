# mypy: disable-error-code="empty-body"
"""llama.h: the library as a whole: start and stop, limits, names, log."""

from __future__ import annotations

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Char
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Int64
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.ctype import VoidPtr
from llama_ctypes.declare import c_function
from llama_ctypes.raw.cpu import ggml_numa_strategy
from llama_ctypes.raw.enums import llama_flash_attn_type
from llama_ctypes.raw.enums import llama_ftype
from llama_ctypes.raw.enums import llama_load_mode
from llama_ctypes.raw.ggml import ggml_log_callback


@c_function
def llama_version() -> CStr:
    """Version of libllama."""


@c_function(releases_gil=True)
def llama_backend_init() -> None:
    """Start the library, once, before anything else."""


@c_function(releases_gil=True)
def llama_backend_free() -> None:
    """Stop the library."""


@c_function(releases_gil=True)
def llama_numa_init(numa: EnumOf[ggml_numa_strategy]) -> None:
    """Choose the NUMA strategy, once, before any model is loaded."""


@c_function
def llama_ftype_name(ftype: EnumOf[llama_ftype]) -> CStr:
    """The name of a file type."""


@c_function
def llama_flash_attn_type_name(flash_attn_type: EnumOf[llama_flash_attn_type]) -> CStr:
    """The name of a flash attention mode."""


@c_function
def llama_load_mode_name(load_mode: EnumOf[llama_load_mode]) -> CStr:
    """The name of a load mode."""


@c_function
def llama_load_mode_from_str(str: CStr) -> EnumOf[llama_load_mode]:
    """The load mode of that name."""


@c_function
def llama_time_us() -> Int64:
    """Monotonic microseconds."""


@c_function
def llama_max_devices() -> Size:
    """Entries of `tensor_split`."""


@c_function
def llama_max_parallel_sequences() -> Size:
    """The largest `n_seq_max`."""


@c_function
def llama_max_tensor_buft_overrides() -> Size:
    """The most tensor overrides."""


@c_function
def llama_supports_mmap() -> Bool:
    """Whether files can be mapped."""


@c_function
def llama_supports_mlock() -> Bool:
    """Whether memory can be locked."""


@c_function
def llama_supports_gpu_offload() -> Bool:
    """Whether a GPU backend is there."""


@c_function
def llama_supports_rpc() -> Bool:
    """Whether the RPC backend is there."""


@c_function
def llama_split_path(
    split_path: Ptr[Char], maxlen: Size, path_prefix: CStr, split_no: Int32, split_count: Int32
) -> Int32:
    """Write the path of one part of a split file; returns its length."""


@c_function
def llama_split_prefix(
    split_prefix: Ptr[Char], maxlen: Size, split_path: CStr, split_no: Int32, split_count: Int32
) -> Int32:
    """Write the prefix of a split path if the numbers match; returns its length, 0 if not."""


@c_function
def llama_print_system_info() -> CStr:
    """What the backends were built with, for the log."""


@c_function
def llama_log_get(log_callback: Ptr[ggml_log_callback], user_data: Ptr[VoidPtr]) -> None:
    """Read the registered log callback and its user data."""


@c_function
def llama_log_set(log_callback: ggml_log_callback, user_data: VoidPtr) -> None:
    """Register the log callback of libllama and ggml; NULL restores stderr."""
