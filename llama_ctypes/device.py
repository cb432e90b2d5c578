"""The devices that ggml found: CPU, GPUs, accelerators, remote ones.

A Device is a value, not an owner: ggml keeps its devices until the process ends.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

from llama_ctypes import runtime
from llama_ctypes.buffers import pointer_array
from llama_ctypes.ctype import NULL
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import ref
from llama_ctypes.errors import LlamaError
from llama_ctypes.raw import backend
from llama_ctypes.raw import rpc
from llama_ctypes.raw.device import ggml_backend_buffer_type_t
from llama_ctypes.raw.device import ggml_backend_dev_t
from llama_ctypes.raw.device import ggml_backend_dev_type
from llama_ctypes.raw.device import ggml_backend_device


class DeviceError(LlamaError):
    """No device has that name."""


@dataclass(frozen=True, slots=True)
class Device:
    """A place to compute; memory in bytes, 0 where the device does not say."""

    name: str
    description: str
    type: ggml_backend_dev_type
    memory_free_bytes: int
    memory_total_bytes: int
    ptr: ggml_backend_dev_t = field(repr=False, compare=False)


def devices() -> list[Device]:
    """All devices, in ggml's order."""
    runtime.start()
    return [
        _device(backend.ggml_backend_dev_get(i)) for i in range(backend.ggml_backend_dev_count())
    ]


def by_name(name: str) -> Device:
    """The device called `name`, as in `devices()`. DeviceError when there is none."""
    found = devices()
    for device in found:
        if device.name == name:
            return device
    names = ", ".join(device.name for device in found)
    raise DeviceError(f"no device is called {name!r}; there are: {names}")


def add_remote(endpoint: str) -> None:
    """Make the devices of the ggml RPC server at host:port known, as RPC0, RPC1..., once.

    C aborts the process where nobody answers there; look first. DeviceError without devices.
    """
    runtime.start()
    if not runtime.supports_rpc():
        raise DeviceError(
            "this build can't use remote devices; run ./build_native.sh -DGGML_RPC=ON"
        )
    if any(each.description == endpoint for each in devices()):
        return
    registration = rpc.ggml_backend_rpc_add_server(endpoint.encode())
    if not registration:
        raise DeviceError(f"the RPC server at {endpoint} has no devices")
    backend.ggml_backend_register(registration)


def buffer_types() -> dict[str, ggml_backend_buffer_type_t]:
    """The ordinary memory of every device, by the name that tensor overrides use."""
    found = (backend.ggml_backend_dev_buffer_type(device.ptr) for device in devices())
    return {
        (backend.ggml_backend_buft_name(kind) or b"").decode("utf-8", "replace"): kind
        for kind in found
        if kind
    }


def device_array(chosen: Sequence[Device]) -> Ptr[ggml_backend_dev_t]:
    """A NULL-terminated array for `llama_model_params.devices`."""
    array: Ptr[ggml_backend_dev_t] = pointer_array(
        ggml_backend_device, [*[device.ptr for device in chosen], NULL]
    )
    return array


def _device(pointer: ggml_backend_dev_t) -> Device:
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    backend.ggml_backend_dev_memory(pointer, ref(free), ref(total))
    return Device(
        name=(backend.ggml_backend_dev_name(pointer) or b"").decode("utf-8", "replace"),
        description=(backend.ggml_backend_dev_description(pointer) or b"").decode(
            "utf-8", "replace"
        ),
        type=ggml_backend_dev_type(backend.ggml_backend_dev_type(pointer)),
        memory_free_bytes=free.value,
        memory_total_bytes=total.value,
        ptr=pointer,
    )
