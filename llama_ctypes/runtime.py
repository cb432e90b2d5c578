"""Starting the native libraries, once a process, when the first object needs them.

Importing llama_ctypes starts nothing. Knows no model.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import AbstractContextManager
from contextlib import contextmanager
from contextlib import nullcontext

from llama_ctypes import library
from llama_ctypes import log
from llama_ctypes.raw import backend
from llama_ctypes.raw import system
from llama_ctypes.raw.cpu import ggml_numa_strategy

_started: list[bool] = []


def start() -> None:
    """Load the libraries, take over their log, find the devices. Does nothing the second time."""
    if _started:
        return
    log.install()
    # Backends built as plug-ins register here; those linked in are there already.
    backend.ggml_backend_load_all()
    system.llama_backend_init()
    _started.append(True)


def init_numa(strategy: ggml_numa_strategy | int) -> None:
    """Choose how memory and threads spread over NUMA nodes; before any model is loaded."""
    start()
    system.llama_numa_init(strategy)


def version() -> str:
    """Version of libllama."""
    return (system.llama_version() or b"").decode()


def system_info() -> str:
    """What the backends were built with, in libllama's words."""
    start()
    return (system.llama_print_system_info() or b"").decode()


def supports_gpu_offload() -> bool:
    """Whether a device other than the CPU can take layers."""
    start()
    return system.llama_supports_gpu_offload()


def supports_rpc() -> bool:
    """Whether remote devices can be used."""
    start()
    return system.llama_supports_rpc()


def fixed_point() -> AbstractContextManager[None]:
    """While it lasts, products of F16 matrices are made of whole numbers, which is faster.

    They differ from ggml's in the fourth digit (native/ggml/fixed.h). Libraries without that code,
    those whose backends are plug-ins, and processors that it is not for compute as always. It is
    for the whole process: no other thread may compute on the CPU while it begins or ends.
    """
    switch = library.load().switch("llamactl_fixed_point")
    return nullcontext() if switch is None else _switched_on(switch)


@contextmanager
def _switched_on(switch: ctypes.c_int) -> Iterator[None]:
    switch.value = 1
    try:
        yield
    finally:
        switch.value = 0
