"""What a model and its context are made from, in plain values.

The options room fills it (through `server/launch.py`); `params.py` turns it into native structs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunnerConfig:
    """Zero or None means: what the model or the library says. Sizes are in tokens."""

    path: str
    n_ctx: int = 0
    n_batch: int = 2048
    n_ubatch: int = 512
    n_slots: int = 4
    splits_context: bool = False
    """Each slot may hold n_ctx / n_slots tokens, instead of all of n_ctx."""
    kv_unified: bool = True
    """One buffer for all sequences, so that they can share; else a stream for each slot."""
    n_threads: int = -1
    n_threads_batch: int = -1
    poll: int = 50
    """How long idle threads spin before they sleep, 0 to 100; without effect under OpenMP."""
    n_gpu_layers: int = -1
    """-1: as many as fit (the library's choice), -2: all."""
    flash_attn: str = "auto"
    """on, off or auto."""
    cache_type_k: str = "f16"
    cache_type_v: str = "f16"
    load_mode: str = "mmap"
    """auto, none, mmap, mlock, mmap+mlock or dio."""
    check_tensors: bool = False
    offload_kv: bool = True
    offload_ops: bool = True
    use_extra_buffers: bool = True
    swa_full: bool = False
    warmup: bool = True
    special: bool = False
    """Whether control tokens show in generated text."""
