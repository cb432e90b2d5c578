"""Graphs of one node, computed by the libraries of this checkout.

Declared here are the few functions of ggml that no server needs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llama_ctypes import library
from tests.native.conftest import ROOT

LIB = ROOT / "llama_ctypes" / "lib"
F32, F16 = 0, 1
N_THREADS = 2

Array = NDArray[Any]


class InitParams(ctypes.Structure):
    _fields_ = (
        ("mem_size", ctypes.c_size_t),
        ("mem_buffer", ctypes.c_void_p),
        ("no_alloc", ctypes.c_bool),
    )


class Plan(ctypes.Structure):
    _fields_ = (
        ("work_size", ctypes.c_size_t),
        ("work_data", ctypes.c_void_p),
        ("n_threads", ctypes.c_int),
        ("threadpool", ctypes.c_void_p),
        ("abort_callback", ctypes.c_void_p),
        ("abort_callback_data", ctypes.c_void_p),
        ("use_ref", ctypes.c_bool),
    )


class Ggml:
    """The functions of ggml's C API that one node takes.

    It is computed as a server's steps are, or by ggml's own reference code (use_ref).
    """

    def __init__(self) -> None:
        library.load()
        names = [next(LIB.glob(f"libggml-{part}.*")) for part in ("base", "cpu")]
        self.base, self.cpu = (ctypes.CDLL(str(name)) for name in names)
        pointer, i64, f32 = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
        self.init = self._declare(self.base.ggml_init, pointer, InitParams)
        self.free = self._declare(self.base.ggml_free, None, pointer)
        self.new_tensor = self._declare(
            self.base.ggml_new_tensor_4d, pointer, pointer, ctypes.c_int, i64, i64, i64, i64
        )
        self.attention = self._declare(
            self.base.ggml_flash_attn_ext, pointer, *[pointer] * 5, f32, f32, f32
        )
        self.product = self._declare(self.base.ggml_mul_mat, pointer, pointer, pointer, pointer)
        self.gelu_of = self._declare(self.base.ggml_gelu, pointer, pointer, pointer)
        self.data = self._declare(self.base.ggml_get_data, pointer, pointer)
        self.new_graph = self._declare(self.base.ggml_new_graph, pointer, pointer)
        self.expand = self._declare(self.base.ggml_build_forward_expand, None, pointer, pointer)
        self.plan = self._declare(self.cpu.ggml_graph_plan, Plan, pointer, ctypes.c_int, pointer)
        self.compute = self._declare(
            self.cpu.ggml_graph_compute, ctypes.c_int, pointer, ctypes.POINTER(Plan)
        )

    @staticmethod
    def _declare(function: Any, result: Any, *arguments: Any) -> Callable[..., Any]:
        function.restype, function.argtypes = result, arguments
        checked: Callable[..., Any] = function
        return checked

    def tensor(self, context: int, values: Array) -> int:
        """values, slowest dimension first, as a tensor."""
        kind = F16 if values.dtype == np.float16 else F32
        rest = (1,) * (4 - values.ndim)
        made: int = self.new_tensor(context, kind, *values.shape[::-1], *rest)
        ctypes.memmove(self.data(made), values.ctypes.data, values.nbytes)
        return made

    def attend(self, inputs: list[Array], scale: float, *, use_ref: bool) -> Array:
        """(1, n_rows, n_heads, n_dims) float32."""

        def attention(context: int, *tensors: int) -> int:
            made: int = self.attention(context, *tensors, scale, 0.0, 0.0)
            return made

        n_heads, n_rows, n_dims = inputs[0].shape[1:]
        return self.run(attention, inputs, (1, n_rows, n_heads, n_dims), use_ref=use_ref)

    def multiply(self, weights: Array, tokens: Array) -> Array:
        """(n_tokens, n_weights) float32, of rows of as many numbers each."""
        return self.run(self.product, [weights, tokens], (len(tokens), len(weights)))

    def gelu(self, numbers: Array) -> Array:
        """Of each number, float32."""
        return self.run(self.gelu_of, [numbers], numbers.shape)

    def run(
        self,
        make: Callable[..., int],
        inputs: list[Array],
        shape: tuple[int, ...],
        *,
        use_ref: bool = False,
    ) -> Array:
        """What the node that make makes of the inputs' tensors computes."""
        context = self.init(InitParams(64 << 20, None, False))
        try:
            node = make(context, *(self.tensor(context, values) for values in inputs))
            graph = self.new_graph(context)
            self.expand(graph, node)
            plan = self.plan(graph, N_THREADS, None)
            work = ctypes.create_string_buffer(plan.work_size)
            plan.work_data, plan.use_ref = ctypes.addressof(work), use_ref
            assert self.compute(graph, ctypes.byref(plan)) == 0
            values = ctypes.string_at(self.data(node), int(np.prod(shape)) * 4)
            return np.frombuffer(values, np.float32).reshape(shape)
        finally:
            self.free(context)
