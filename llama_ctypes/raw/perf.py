# mypy: disable-error-code="empty-body"
"""llama.h: time spent in contexts and sampler chains."""

from __future__ import annotations

from ctypes import Structure

from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import Double
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Ptr
from llama_ctypes.declare import c_function
from llama_ctypes.declare import c_struct
from llama_ctypes.raw.sampler_i import llama_sampler
from llama_ctypes.raw.types import llama_context


@c_struct
class llama_perf_context_data(Structure):
    """Times and counts of a context."""

    t_start_ms: Double
    t_load_ms: Double
    t_p_eval_ms: Double
    t_eval_ms: Double
    n_p_eval: Int32
    n_eval: Int32
    n_reused: Int32


@c_struct
class llama_perf_sampler_data(Structure):
    """Time and count of a chain."""

    t_sample_ms: Double
    n_sample: Int32


@c_function
def llama_perf_context(ctx: ConstPtr[llama_context]) -> llama_perf_context_data:
    """Read the times of a context."""


@c_function
def llama_perf_context_print(ctx: ConstPtr[llama_context]) -> None:
    """Log the times of a context."""


@c_function
def llama_perf_context_reset(ctx: Ptr[llama_context]) -> None:
    """Set the times of a context to zero."""


@c_function
def llama_perf_sampler(chain: ConstPtr[llama_sampler]) -> llama_perf_sampler_data:
    """Read the times of a chain."""


@c_function
def llama_perf_sampler_print(chain: ConstPtr[llama_sampler]) -> None:
    """Log the times of a chain."""


@c_function
def llama_perf_sampler_reset(chain: Ptr[llama_sampler]) -> None:
    """Set the times of a chain to zero."""
