# mypy: disable-error-code="empty-body"
"""ggml-rpc.h: devices of other machines.

Part of the RPC backend (GGML_RPC=ON): looked up when first called.
"""

from __future__ import annotations

from llama_ctypes.ctype import Constant
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.ctype import UInt32
from llama_ctypes.declare import c_function
from llama_ctypes.raw.device import ggml_backend_dev_t
from llama_ctypes.raw.device import ggml_backend_reg_t

GGML_RPC_MAX_SERVERS: Constant = 16


@c_function(backend="RPC", releases_gil=True)
def ggml_backend_rpc_add_server(endpoint: CStr) -> ggml_backend_reg_t:
    """Describe the devices at `host:port`; register the result with ggml_backend_register()."""


@c_function(backend="RPC", releases_gil=True)
def ggml_backend_rpc_start_server(
    endpoint: CStr,
    cache_dir: CStr,
    n_threads: Size,
    n_devices: Size,
    devices: Ptr[ggml_backend_dev_t],
) -> None:
    """Serve devices at `host:port`; returns only on failure."""


@c_function(backend="RPC", releases_gil=True)
def ggml_backend_rpc_get_device_memory(
    endpoint: CStr, device: UInt32, free: Ptr[Size], total: Ptr[Size]
) -> None:
    """Ask a server for the free and the total bytes of its device."""


@c_function(backend="RPC")
def ggml_backend_rpc_reg() -> ggml_backend_reg_t:
    """The RPC backend's registration."""
