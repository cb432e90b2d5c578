"""Small random models whose memory can't be cut: a sliding window, recurrent, and hybrid.

Like the one of `tiny_models`, with the same vocabulary and as meaningless: each is the smallest
that libllama takes of its architecture. It knows nothing of libllama.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

from tests.tiny_models import CHATML
from tests.tiny_models import Floats
from tests.tiny_models import TinySpec
from tests.tiny_models import TinyVocab
from tests.tiny_models import _embedding
from tests.tiny_models import _finish
from tests.tiny_models import _normal
from tests.tiny_models import _output
from tests.tiny_models import _write_vocab
from tests.tiny_models import tiny_vocab

WINDOW = 32
"""Tokens that the first layer of the model with a window looks back at."""

Tensors = dict[str, Floats]


def build_window_model(path: Path) -> Path:
    """Gemma 3: one layer with a sliding window, one without."""
    return _build(path, WINDOWED)


def build_recurrent_model(path: Path) -> Path:
    """Mamba: two state space layers."""
    return _build(path, RECURRENT)


def build_hybrid_model(path: Path) -> Path:
    """LFM2: a convolution with a state, then attention."""
    return _build(path, HYBRID)


@dataclass(frozen=True, slots=True)
class Kind:
    """An architecture: what its header says and which tensors a layer has."""

    arch: str
    header: Callable[[gguf.GGUFWriter, TinySpec], None]
    layer: Callable[[np.random.Generator, TinySpec, int], Tensors]
    output_norm: str = "output_norm.weight"


def _build(path: Path, kind: Kind) -> Path:
    spec = TinySpec(arch=kind.arch, n_ctx=4096, chat_template=CHATML)
    writer, vocab = gguf.GGUFWriter(path, spec.arch), tiny_vocab()
    writer.add_name(f"tiny {kind.arch}")
    writer.add_context_length(spec.n_ctx)
    writer.add_embedding_length(spec.n_embd)
    writer.add_block_count(spec.n_layer)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    kind.header(writer, spec)
    _write_vocab(writer, vocab, spec)
    for name, tensor in _tensors(kind, spec, vocab).items():
        writer.add_tensor(name, tensor)
    _finish(writer)
    return path


def _tensors(kind: Kind, spec: TinySpec, vocab: TinyVocab) -> Tensors:
    rng = np.random.default_rng(spec.seed)
    tensors = {"token_embd.weight": _embedding(rng, len(vocab.tokens), spec.n_embd)}
    for i in range(spec.n_layer):
        for name, tensor in kind.layer(rng, spec, i).items():
            tensors[f"blk.{i}.{name}"] = tensor
    tensors[kind.output_norm] = np.ones(spec.n_embd, np.float32)
    tensors["output.weight"] = _output(rng, vocab, spec)
    return tensors


def _ones(n: int) -> Floats:
    return np.ones(n, np.float32)


def _feed_forward(rng: np.random.Generator, spec: TinySpec) -> Tensors:
    scale = spec.n_embd**-0.5
    return {
        "ffn_norm.weight": _ones(spec.n_embd),
        "ffn_gate.weight": _normal(rng, spec.n_ff, spec.n_embd, scale=scale),
        "ffn_up.weight": _normal(rng, spec.n_ff, spec.n_embd, scale=scale),
        "ffn_down.weight": _normal(rng, spec.n_embd, spec.n_ff, scale=scale),
    }


def _attention(rng: np.random.Generator, spec: TinySpec) -> Tensors:
    n_embd, n_head = spec.n_embd, spec.n_embd // spec.n_head
    n_kv, scale = n_head * spec.n_head_kv, n_embd**-0.5
    return {
        "attn_norm.weight": _ones(n_embd),
        "attn_q.weight": _normal(rng, n_embd, n_embd, scale=2 * scale),
        "attn_k.weight": _normal(rng, n_kv, n_embd, scale=2 * scale),
        "attn_v.weight": _normal(rng, n_kv, n_embd, scale=scale),
        "attn_output.weight": _normal(rng, n_embd, n_embd, scale=scale),
        "attn_q_norm.weight": 2 * _ones(n_head),
        "attn_k_norm.weight": 2 * _ones(n_head),
    }


# a sliding window


def _windowed_header(writer: gguf.GGUFWriter, spec: TinySpec) -> None:
    writer.add_feed_forward_length(spec.n_ff)
    writer.add_head_count(spec.n_head)
    writer.add_head_count_kv(spec.n_head_kv)
    writer.add_key_length(spec.n_embd // spec.n_head)
    writer.add_value_length(spec.n_embd // spec.n_head)
    writer.add_sliding_window(WINDOW)
    writer.add_sliding_window_pattern([True, False])


def _windowed_layer(rng: np.random.Generator, spec: TinySpec, i: int) -> Tensors:
    after = {
        name: _ones(spec.n_embd) for name in ("post_attention_norm.weight", "post_ffw_norm.weight")
    }
    return _attention(rng, spec) | _feed_forward(rng, spec) | after


# recurrent

N_CONV, N_STATE, N_RANK = 4, 8, 4


def _recurrent_header(writer: gguf.GGUFWriter, spec: TinySpec) -> None:
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_ssm_conv_kernel(N_CONV)
    writer.add_ssm_inner_size(2 * spec.n_embd)
    writer.add_ssm_state_size(N_STATE)
    writer.add_ssm_time_step_rank(N_RANK)


def _recurrent_layer(rng: np.random.Generator, spec: TinySpec, i: int) -> Tensors:
    n_embd, n_inner = spec.n_embd, 2 * spec.n_embd
    decay = np.tile(-np.arange(1, N_STATE + 1, dtype=np.float32) / 50, (n_inner, 1))
    return {
        "attn_norm.weight": _ones(n_embd),
        "ssm_in.weight": _normal(rng, 2 * n_inner, n_embd, scale=n_embd**-0.5),
        "ssm_conv1d.weight": _normal(rng, n_inner, N_CONV, scale=0.5),
        "ssm_conv1d.bias": np.zeros(n_inner, np.float32),
        "ssm_x.weight": _normal(rng, N_RANK + 2 * N_STATE, n_inner, scale=0.2),
        "ssm_dt.weight": _normal(rng, n_inner, N_RANK, scale=0.5),
        "ssm_dt.bias": np.zeros(n_inner, np.float32),
        "ssm_a": decay,
        "ssm_d": _ones(n_inner),
        "ssm_out.weight": _normal(rng, n_embd, n_inner, scale=n_inner**-0.5),
    }


# hybrid

N_SHORT_CONV = 3


def _hybrid_header(writer: gguf.GGUFWriter, spec: TinySpec) -> None:
    writer.add_feed_forward_length(spec.n_ff)
    writer.add_head_count(spec.n_head)
    writer.add_head_count_kv([0, spec.n_head_kv])
    writer.add_shortconv_l_cache(N_SHORT_CONV)


def _hybrid_layer(rng: np.random.Generator, spec: TinySpec, i: int) -> Tensors:
    if i:
        return _attention(rng, spec) | _feed_forward(rng, spec)
    n_embd = spec.n_embd
    return _feed_forward(rng, spec) | {
        "attn_norm.weight": _ones(n_embd),
        "shortconv.conv.weight": _normal(rng, n_embd, N_SHORT_CONV, scale=0.6),
        "shortconv.in_proj.weight": _normal(rng, 3 * n_embd, n_embd, scale=1.5 * n_embd**-0.5),
        "shortconv.out_proj.weight": _normal(rng, n_embd, n_embd, scale=n_embd**-0.5),
    }


WINDOWED = Kind("gemma3", _windowed_header, _windowed_layer)
RECURRENT = Kind("mamba", _recurrent_header, _recurrent_layer)
HYBRID = Kind("lfm2", _hybrid_header, _hybrid_layer, "token_embd_norm.weight")
