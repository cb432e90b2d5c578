"""RunnerConfig -> the parameter structs of libllama.

Answers to common_model_params_to_llama and common_context_params_to_llama in llama.cpp
`common/common.cpp`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TypeVar

from llama_ctypes.context import Context
from llama_ctypes.model import Model
from llama_ctypes.raw.enums import llama_flash_attn_type
from llama_ctypes.raw.enums import llama_lazy_mode
from llama_ctypes.raw.enums import llama_load_mode
from llama_ctypes.raw.enums import llama_pooling_type
from llama_ctypes.raw.enums import llama_rope_scaling_type
from llama_ctypes.raw.ggml import ggml_type
from llama_ctypes.raw.params import llama_context_params
from llama_ctypes.raw.params import llama_model_params
from server.engine.errors import LoadFailed
from server.engine.llama import weights
from server.engine.llama.config import Positions
from server.engine.llama.config import RunnerConfig
from server.engine.llama.placement import metadata_overrides
from server.engine.llama.placement import offload_devices
from server.engine.llama.placement import place
from server.engine.llama.placement import warn_without_gpu

T = TypeVar("T")

CTX_PAD = 256
"""libllama rounds the size of a context up to a multiple of this."""

N_RETAINED = 24
N_TEXTS = 32
"""At least so many texts are embedded in a batch, if they are short enough."""
MAX_SEQ = 256
"""llama-cparams.h: LLAMA_MAX_SEQ"""

FLASH_ATTN = {
    "on": llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED,
    "auto": llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_AUTO,
}
LOAD_MODES = {
    "auto": llama_load_mode.LLAMA_LOAD_MODE_AUTO,
    "none": llama_load_mode.LLAMA_LOAD_MODE_NONE,
    "mmap": llama_load_mode.LLAMA_LOAD_MODE_MMAP,
    "mlock": llama_load_mode.LLAMA_LOAD_MODE_MLOCK,
    "mmap+mlock": llama_load_mode.LLAMA_LOAD_MODE_MMAP_MLOCK,
    "dio": llama_load_mode.LLAMA_LOAD_MODE_DIRECT_IO,
}
LAZY_MODES = {
    "on": llama_lazy_mode.LLAMA_LAZY_MODE_ON,
    "off": llama_lazy_mode.LLAMA_LAZY_MODE_OFF,
    "auto": llama_lazy_mode.LLAMA_LAZY_MODE_AUTO,
}
ROPE_SCALINGS = {
    "": llama_rope_scaling_type.LLAMA_ROPE_SCALING_TYPE_UNSPECIFIED,
    "none": llama_rope_scaling_type.LLAMA_ROPE_SCALING_TYPE_NONE,
    "linear": llama_rope_scaling_type.LLAMA_ROPE_SCALING_TYPE_LINEAR,
    "yarn": llama_rope_scaling_type.LLAMA_ROPE_SCALING_TYPE_YARN,
}
POOLINGS = {
    "": llama_pooling_type.LLAMA_POOLING_TYPE_UNSPECIFIED,
    "none": llama_pooling_type.LLAMA_POOLING_TYPE_NONE,
    "mean": llama_pooling_type.LLAMA_POOLING_TYPE_MEAN,
    "cls": llama_pooling_type.LLAMA_POOLING_TYPE_CLS,
    "last": llama_pooling_type.LLAMA_POOLING_TYPE_LAST,
    "rank": llama_pooling_type.LLAMA_POOLING_TYPE_RANK,
}
CACHE_TYPES = {
    name: getattr(ggml_type, f"GGML_TYPE_{name.upper()}")
    for name in ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")
}


def default_threads() -> int:
    """Threads where none are asked for: the cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def model_params(config: RunnerConfig) -> llama_model_params:
    """How the model is loaded. LoadFailed where the machine can't do what is asked."""
    params = Model.default_params()
    place(params, config.placement)
    warn_without_gpu(config)
    params.n_gpu_layers = config.n_gpu_layers
    load_mode = weights.load_mode(config, has_devices=bool(offload_devices()))
    params.load_mode = _choose(LOAD_MODES, load_mode, "--load-mode")
    params.lazy_mode = _choose(LAZY_MODES, config.lazy_mode, "--lazy-mode")
    params.check_tensors = config.check_tensors
    params.use_extra_bufts = config.use_extra_buffers
    if config.metadata:
        params.kv_overrides = metadata_overrides(config.metadata)
    return params


def n_seq(config: RunnerConfig, *, can_retain: bool) -> int:
    """Sequence ids: one for each slot, and some for what is retained beyond the slots.

    libllama's cost of a batch grows with the square of the number, so there are not many; more
    than a ubatch has rows abort the process.
    """
    n_retained = N_RETAINED if can_retain else 0
    limit = min(MAX_SEQ, config.n_ubatch, config.n_batch)
    return max(config.n_slots, min(config.n_slots + n_retained, limit))


def n_ctx_slot(config: RunnerConfig, n_ctx_train: int) -> int:
    """The most tokens one slot may hold."""
    n_ctx = config.n_ctx or n_ctx_train
    if config.splits_context:
        n_ctx = -(-(n_ctx // config.n_slots) // CTX_PAD) * CTX_PAD
    limits = [limit for limit in (n_ctx_train, config.n_ctx_slot_max) if limit > 0]
    return min([n_ctx, *limits])


def context_params(
    config: RunnerConfig,
    n_ctx_train: int,
    *,
    can_cut: bool,
    sees_all: bool = False,
    has_states: bool = False,
) -> llama_context_params:
    """One unified buffer for all slots, whatever share of it each may use, unless told not to.

    can_cut: whether the model's memory can be cut anywhere, so that retained prefixes are of use;
    sees_all: whether each token looks at later ones too, so that no text can be divided;
    has_states: whether a sequence takes memory before it has a token.
    """
    params = Context.default_params()
    n_ctx = config.n_ctx or n_ctx_train
    if config.splits_context:
        n_ctx = max(n_ctx, n_ctx_slot(config, n_ctx_train) * config.n_slots)
    params.n_ctx = n_ctx
    params.n_batch = max(config.n_batch, config.n_slots)
    params.n_ubatch = max(config.n_ubatch, config.n_slots)
    params.n_seq_max = n_seq(config, can_retain=can_cut and config.kv_unified)
    if config.embedding:
        _reserve_for_texts(params, n_text_rows(config, n_ctx_train, sees_all=sees_all), has_states)
    params.embeddings = config.embedding
    params.pooling_type = _choose(POOLINGS, config.pooling, "--pooling")
    params.n_threads = config.n_threads if config.n_threads > 0 else default_threads()
    params.n_threads_batch = (
        config.n_threads_batch if config.n_threads_batch > 0 else params.n_threads
    )
    params.flash_attn_type = _choose(FLASH_ATTN, config.flash_attn, "--flash-attn")
    params.type_k = _choose(CACHE_TYPES, config.cache_type_k, "--cache-type-k")
    params.type_v = _choose(CACHE_TYPES, config.cache_type_v, "--cache-type-v")
    params.offload_kqv = config.offload_kv
    params.op_offload = config.offload_ops
    params.swa_full = config.swa_full
    params.kv_unified = config.kv_unified
    params.no_perf = not config.perf
    _set_positions(params, config.positions)
    return params


def n_text_rows(config: RunnerConfig, n_ctx_train: int, *, sees_all: bool) -> int:
    """The most tokens of a text to embed that are computed together."""
    n_ubatch = max(config.n_ubatch, config.n_slots)
    if sees_all and config.ubatch_grows:
        return max(n_ubatch, min(config.n_batch, n_ctx_train))
    return n_ubatch


def _reserve_for_texts(params: llama_context_params, n_rows: int, has_states: bool) -> None:
    """Sequences for the texts of a batch beside those of generation, and rows for them.

    libllama aborts the process where it reserves for pooled embeddings and the sequences do not
    divide the rows of a ubatch.
    """
    n_seq_max = params.n_seq_max + (1 if has_states else N_TEXTS)
    if not has_states:
        n_seq_max = min(MAX_SEQ, 1 << (n_seq_max - 1).bit_length())
    params.n_seq_max = n_seq_max
    params.n_ubatch = -(-max(params.n_ubatch, n_rows) // n_seq_max) * n_seq_max
    params.n_batch = max(params.n_batch, params.n_ubatch)


def _set_positions(params: llama_context_params, positions: Positions) -> None:
    params.rope_scaling_type = _choose(ROPE_SCALINGS, positions.rope_scaling, "--rope-scaling")
    params.rope_freq_base = positions.rope_freq_base
    params.rope_freq_scale = positions.rope_freq_scale
    params.yarn_orig_ctx = positions.yarn_orig_ctx
    params.yarn_ext_factor = positions.yarn_ext_factor
    params.yarn_attn_factor = positions.yarn_attn_factor
    params.yarn_beta_fast = positions.yarn_beta_fast
    params.yarn_beta_slow = positions.yarn_beta_slow


def _choose(known: Mapping[str, T], name: str, option: str) -> T:
    try:
        return known[name]
    except KeyError:
        raise LoadFailed(f"{option}: unknown value {name!r}; one of {', '.join(known)}") from None
