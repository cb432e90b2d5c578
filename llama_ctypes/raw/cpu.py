# mypy: disable-error-code="empty-body"
"""ggml-cpu.h: thread pools, NUMA and what the processor can do.

These live in the CPU backend, which may be a plug-in: they are looked up when first called.
"""

from __future__ import annotations

from enum import IntEnum

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Int
from llama_ctypes.ctype import Ptr
from llama_ctypes.declare import c_enum
from llama_ctypes.declare import c_function
from llama_ctypes.raw.device import ggml_backend_reg_t
from llama_ctypes.raw.ggml import ggml_threadpool
from llama_ctypes.raw.ggml import ggml_threadpool_params


@c_enum
class ggml_numa_strategy(IntEnum):
    """How threads are placed over NUMA nodes."""

    GGML_NUMA_STRATEGY_DISABLED = 0
    GGML_NUMA_STRATEGY_DISTRIBUTE = 1
    GGML_NUMA_STRATEGY_ISOLATE = 2
    GGML_NUMA_STRATEGY_NUMACTL = 3
    GGML_NUMA_STRATEGY_MIRROR = 4
    GGML_NUMA_STRATEGY_COUNT = 5


@c_function(backend="CPU")
def ggml_numa_init(numa: EnumOf[ggml_numa_strategy]) -> None:
    """Choose the NUMA strategy, once, before any model is loaded."""


@c_function(backend="CPU")
def ggml_is_numa() -> Bool:
    """Whether the machine has several NUMA nodes."""


@c_function(backend="CPU", releases_gil=True)
def ggml_threadpool_new(params: Ptr[ggml_threadpool_params]) -> Ptr[ggml_threadpool]:
    """Start a pool; NULL on failure."""


@c_function(backend="CPU", releases_gil=True)
def ggml_threadpool_free(threadpool: Ptr[ggml_threadpool]) -> None:
    """Stop and free a pool that no context uses."""


@c_function(backend="CPU", releases_gil=True)
def ggml_threadpool_pause(threadpool: Ptr[ggml_threadpool]) -> None:
    """Put the threads to sleep."""


@c_function(backend="CPU", releases_gil=True)
def ggml_threadpool_resume(threadpool: Ptr[ggml_threadpool]) -> None:
    """Wake the threads up."""


@c_function(backend="CPU")
def ggml_cpu_init() -> None:
    """Build the lookup tables; ggml does it by itself when needed."""


@c_function(backend="CPU")
def ggml_backend_cpu_reg() -> ggml_backend_reg_t:
    """The CPU backend's registration."""


@c_function(backend="CPU")
def ggml_cpu_has_sse3() -> Int:
    """1 if built with SSE3."""


@c_function(backend="CPU")
def ggml_cpu_has_ssse3() -> Int:
    """1 if built with SSSE3."""


@c_function(backend="CPU")
def ggml_cpu_has_avx() -> Int:
    """1 if built with AVX."""


@c_function(backend="CPU")
def ggml_cpu_has_avx_vnni() -> Int:
    """1 if built with AVX-VNNI."""


@c_function(backend="CPU")
def ggml_cpu_has_avx2() -> Int:
    """1 if built with AVX2."""


@c_function(backend="CPU")
def ggml_cpu_has_bmi2() -> Int:
    """1 if built with BMI2."""


@c_function(backend="CPU")
def ggml_cpu_has_f16c() -> Int:
    """1 if built with F16C."""


@c_function(backend="CPU")
def ggml_cpu_has_fma() -> Int:
    """1 if built with FMA."""


@c_function(backend="CPU")
def ggml_cpu_has_avx512() -> Int:
    """1 if built with AVX-512."""


@c_function(backend="CPU")
def ggml_cpu_has_avx512_vbmi() -> Int:
    """1 if built with AVX-512 VBMI."""


@c_function(backend="CPU")
def ggml_cpu_has_avx512_vnni() -> Int:
    """1 if built with AVX-512 VNNI."""


@c_function(backend="CPU")
def ggml_cpu_has_avx512_bf16() -> Int:
    """1 if built with AVX-512 BF16."""


@c_function(backend="CPU")
def ggml_cpu_has_amx_int8() -> Int:
    """1 if built with AMX int8."""


@c_function(backend="CPU")
def ggml_cpu_has_neon() -> Int:
    """1 if built with NEON."""


@c_function(backend="CPU")
def ggml_cpu_has_arm_fma() -> Int:
    """1 if built with ARM FMA."""


@c_function(backend="CPU")
def ggml_cpu_has_fp16_va() -> Int:
    """1 if built with ARM half precision arithmetic."""


@c_function(backend="CPU")
def ggml_cpu_has_dotprod() -> Int:
    """1 if built with ARM dot products."""


@c_function(backend="CPU")
def ggml_cpu_has_matmul_int8() -> Int:
    """1 if built with ARM int8 matrix products."""


@c_function(backend="CPU")
def ggml_cpu_has_sve() -> Int:
    """1 if built with SVE."""


@c_function(backend="CPU")
def ggml_cpu_get_sve_cnt() -> Int:
    """Bytes of an SVE vector."""


@c_function(backend="CPU")
def ggml_cpu_has_sme() -> Int:
    """1 if built with SME."""


@c_function(backend="CPU")
def ggml_cpu_has_sme2() -> Int:
    """1 if built with SME2."""


@c_function(backend="CPU")
def ggml_cpu_has_riscv_v() -> Int:
    """1 if built with the RISC-V vector extension."""


@c_function(backend="CPU")
def ggml_cpu_get_rvv_vlen() -> Int:
    """Bytes of a RISC-V vector."""


@c_function(backend="CPU")
def ggml_cpu_has_vsx() -> Int:
    """1 if built with VSX."""


@c_function(backend="CPU")
def ggml_cpu_has_vxe() -> Int:
    """1 if built with VXE."""


@c_function(backend="CPU")
def ggml_cpu_has_wasm_simd() -> Int:
    """1 if built with WASM SIMD."""


@c_function(backend="CPU")
def ggml_cpu_has_llamafile() -> Int:
    """1 if built with the llamafile kernels."""
