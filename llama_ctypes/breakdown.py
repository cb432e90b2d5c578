"""Where the memory of a context lies, by device. llama-ext.h: llama_get_memory_breakdown

That function is C++ and returns a std::map. It is read here as GNU's libstdc++ lays it out, walked
by libstdc++'s own iterator: where libllama was built with another C++ library there is no answer,
which is no error. It works for models that were loaded with no_alloc, too: then it tells what they
would take.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from llama_ctypes import library
from llama_ctypes.context import Context
from llama_ctypes.raw import backend
from llama_ctypes.raw.device import ggml_backend_buffer_type

BREAKDOWN = "_Z26llama_get_memory_breakdownPK13llama_context"
NEXT_NODE = "_ZSt18_Rb_tree_incrementPKSt18_Rb_tree_node_base"


@dataclass(frozen=True, slots=True)
class Share:
    """Memory of one device, or of the host (device '')."""

    device: str
    model_bytes: int
    context_bytes: int
    compute_bytes: int

    @property
    def n_bytes(self) -> int:
        """All of it."""
        return self.model_bytes + self.context_bytes + self.compute_bytes


class _Links(ctypes.Structure):
    """std::_Rb_tree_node_base"""

    _fields_ = [
        ("color", ctypes.c_int),
        ("parent", ctypes.c_void_p),
        ("left", ctypes.c_void_p),
        ("right", ctypes.c_void_p),
    ]


class _Node(ctypes.Structure):
    """std::_Rb_tree_node of a buffer type and its llama_memory_breakdown_data"""

    _fields_ = [
        ("links", _Links),
        ("buffer_type", ctypes.c_void_p),
        ("model", ctypes.c_size_t),
        ("context", ctypes.c_size_t),
        ("compute", ctypes.c_size_t),
    ]


class _Map(ctypes.Structure):
    """std::map; header.left is the first node, and the header itself comes after the last."""

    _fields_ = [
        ("compare", ctypes.c_char),
        ("header", _Links),
        ("n_nodes", ctypes.c_size_t),
    ]


def memory_of(context: Context) -> list[Share] | None:
    """A share for each device that has one; None where this build can't be asked."""
    functions = _functions()
    if functions is None:
        return None
    shares: dict[str, Share] = {}
    for node in _nodes(*functions, context.ptr):
        name = _device_of(node.buffer_type)
        before = shares.get(name, Share(name, 0, 0, 0))
        shares[name] = Share(
            name,
            before.model_bytes + node.model,
            before.context_bytes + node.context,
            before.compute_bytes + node.compute,
        )
    return list(shares.values())


def _functions() -> tuple[Any, Any] | None:
    for handle in library.load().handles:
        try:
            breakdown, next_node = (handle.keeping_gil[name] for name in (BREAKDOWN, NEXT_NODE))
        except AttributeError:
            continue
        breakdown.restype, breakdown.argtypes = _Map, [ctypes.c_void_p]
        next_node.restype, next_node.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
        return breakdown, next_node
    return None


def _nodes(breakdown: Any, next_node: Any, context: Any) -> Iterator[_Node]:
    # the nodes are never freed: some hundred bytes, once a start
    table = breakdown(context)
    address = table.header.left
    for _ in range(table.n_nodes):
        yield _Node.from_address(address)
        address = next_node(address)


def _device_of(buffer_type: int) -> str:
    """The device of a buffer type; '' for what lies in host memory."""
    pointer: Any = ctypes.cast(buffer_type, ctypes.POINTER(ggml_backend_buffer_type))
    if backend.ggml_backend_buft_is_host(pointer):
        return ""
    device = backend.ggml_backend_buft_get_device(pointer)
    return (backend.ggml_backend_dev_name(device) or b"").decode() if device else ""
