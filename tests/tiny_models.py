"""Small random GGUF models, written when a test needs one; nothing is committed or downloaded.

A model here has real structure and meaningless weights. Its vocabulary is byte-complete SPM: every
UTF-8 text tokenizes and comes back. Weights come from a fixed numpy seed, so equal specs give equal
files. The embedding's first dimension is a constant, which gives the output layer a bias per token:
letters are likely, control and byte tokens are not, so greedy text goes on until a test stops it.
It knows nothing of libllama.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

# More frequent first: an earlier merge has the higher score, so SPM prefers it.
_MERGES = (
    "▁t he ▁the in ▁a an er on re ▁s nd ▁w ou at en or is it ▁b es ▁c ar ▁to ▁and ing ed ▁of ll ▁m"
    " ▁f ▁p ▁Once On ce ▁On ▁upon up ▁u ▁H el lo ello ▁Hello"
)
_LETTERS = (
    "▁etaoinshrdlucmfwypvbgkjqxzETAOINSHRDLUCMFWYPVBGKJQXZ0123456789"
    ".,!?'\"-:;()[]{}<>|/\\_=+*&^%$#@~`"
)

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TinySpec:
    """What a tiny model looks like; by default a 2-layer llama with grouped-query attention."""

    arch: str = "llama"
    n_ctx: int = 512
    n_layer: int = 2
    n_embd: int = 64
    n_head: int = 4
    n_head_kv: int = 2
    n_ff: int = 128
    seed: int = 42
    eos_bias: float = (
        -20.0
    )  # logit of </s> and <|im_end|> relative to letters; raise it for models that stop
    chat_template: str | None = None
    named_templates: tuple[tuple[str, str], ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()  # further string keys, verbatim
    control_tokens: tuple[str, ...] = ()  # behind the vocabulary that all share
    name: str = "tiny"


@dataclass(slots=True)
class TinyVocab:
    """A byte-complete SPM vocabulary: <unk> <s> </s>, 256 bytes, letters, merges, ChatML."""

    tokens: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    types: list[int] = field(default_factory=list)

    def add(self, text: str, score: float, kind: gguf.TokenType) -> int:
        """Append one token; a text that is already there keeps its first id."""
        if text in self.tokens:
            return self.tokens.index(text)
        self.tokens.append(text)
        self.scores.append(score)
        self.types.append(int(kind))
        return len(self.tokens) - 1


def tiny_vocab(control_tokens: tuple[str, ...] = ()) -> TinyVocab:
    """The vocabulary that all tiny models share, and some control tokens behind it."""
    vocab = TinyVocab()
    vocab.add("<unk>", 0.0, gguf.TokenType.UNKNOWN)
    vocab.add("<s>", 0.0, gguf.TokenType.CONTROL)
    vocab.add("</s>", 0.0, gguf.TokenType.CONTROL)
    for byte in range(256):
        vocab.add(f"<0x{byte:02X}>", 0.0, gguf.TokenType.BYTE)
    for rank, merge in enumerate(_MERGES.split()):
        vocab.add(merge, -float(rank), gguf.TokenType.NORMAL)
    for rank, letter in enumerate(_LETTERS):
        vocab.add(letter, -1000.0 - rank, gguf.TokenType.NORMAL)
    for text in ("<|im_start|>", "<|im_end|>", *control_tokens):
        vocab.add(text, 0.0, gguf.TokenType.CONTROL)
    return vocab


def build_tiny_model(path: Path, spec: TinySpec | None = None) -> Path:
    """Write a model file of about 0.6 MiB and return its path."""
    spec = spec or TinySpec()
    writer = gguf.GGUFWriter(path, spec.arch)
    vocab = tiny_vocab(spec.control_tokens)
    _write_header(writer, spec)
    _write_vocab(writer, vocab, spec)
    for name, tensor in ARCHITECTURES[spec.arch](spec, vocab).items():
        writer.add_tensor(name, tensor)
    _finish(writer)
    return path


def build_tiny_lora(
    path: Path, spec: TinySpec | None = None, rank: int = 4, alora: tuple[int, ...] = ()
) -> Path:
    """Write a LoRA adapter for the query projections; `alora`: tokens that invoke it."""
    spec = spec or TinySpec()
    rng = np.random.default_rng(spec.seed + 1)
    writer = gguf.GGUFWriter(path, spec.arch)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 16.0)
    for key, value in spec.metadata:
        writer.add_string(key, value)
    if alora:
        writer.add_key_value(
            "adapter.alora.invocation_tokens",
            list(alora),
            gguf.GGUFValueType.ARRAY,
            sub_type=gguf.GGUFValueType.UINT32,
        )
    for i in range(spec.n_layer):
        name = f"blk.{i}.attn_q.weight"
        writer.add_tensor(f"{name}.lora_a", _normal(rng, rank, spec.n_embd, scale=1.0))
        writer.add_tensor(f"{name}.lora_b", _normal(rng, spec.n_embd, rank, scale=1.0))
    _finish(writer)
    return path


def build_tiny_control_vector(path: Path, directions: dict[str, Floats]) -> Path:
    """Write a control vector; its tensors are named direction.<layer>, from 1 on."""
    writer = gguf.GGUFWriter(path, "controlvector")
    for name, direction in directions.items():
        writer.add_tensor(name, direction)
    _finish(writer)
    return path


def build_tiny_mmproj(path: Path, spec: TinySpec | None = None) -> Path:
    """Write a LLaVA-like image projector for the model of `spec`: 28x28 pixels become 4 tokens."""
    spec = spec or TinySpec()
    rng = np.random.default_rng(spec.seed + 2)
    n_embd, n_ff, patch, n_tokens = 32, 64, 14, 4
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type("mlp")
    writer.add_vision_image_size(2 * patch)
    writer.add_vision_patch_size(patch)
    writer.add_vision_embedding_length(n_embd)
    writer.add_vision_feed_forward_length(n_ff)
    writer.add_vision_block_count(2)  # of which LLaVA leaves out the last
    writer.add_vision_head_count(2)
    writer.add_vision_projection_dim(spec.n_embd)
    writer.add_vision_attention_layernorm_eps(1e-5)
    writer.add_vision_image_mean([0.5, 0.5, 0.5])
    writer.add_vision_image_std([0.5, 0.5, 0.5])
    writer.add_vision_use_gelu(True)
    tensors = {
        "v.patch_embd.weight": _normal(rng, n_embd, 3, patch, patch, scale=0.1),
        "v.position_embd.weight": _normal(rng, n_tokens, n_embd, scale=1.0),
        "mm.0.weight": _normal(rng, spec.n_embd, n_embd, scale=0.2),
        "mm.0.bias": np.zeros(spec.n_embd, dtype=np.float32),
        "mm.2.weight": _normal(rng, spec.n_embd, spec.n_embd, scale=0.2),
        "mm.2.bias": np.zeros(spec.n_embd, dtype=np.float32),
    }
    for i in range(2):
        block = f"v.blk.{i}"
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            tensors[f"{block}.{name}.weight"] = _normal(rng, n_embd, n_embd, scale=0.2)
        tensors[f"{block}.ln1.weight"] = tensors[f"{block}.ln2.weight"] = np.ones(
            n_embd, np.float32
        )
        tensors[f"{block}.ffn_up.weight"] = _normal(rng, n_ff, n_embd, scale=0.2)
        tensors[f"{block}.ffn_down.weight"] = _normal(rng, n_embd, n_ff, scale=0.2)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    _finish(writer)
    return path


def _write_header(writer: gguf.GGUFWriter, spec: TinySpec) -> None:
    writer.add_name(spec.name)
    writer.add_context_length(spec.n_ctx)
    writer.add_embedding_length(spec.n_embd)
    writer.add_block_count(spec.n_layer)
    writer.add_feed_forward_length(spec.n_ff)
    writer.add_head_count(spec.n_head)
    writer.add_head_count_kv(spec.n_head_kv)
    writer.add_rope_dimension_count(spec.n_embd // spec.n_head)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    for key, value in spec.metadata:
        writer.add_string(key, value)


def _write_vocab(writer: gguf.GGUFWriter, vocab: TinyVocab, spec: TinySpec) -> None:
    writer.add_vocab_size(len(vocab.tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(vocab.tokens)
    writer.add_token_scores(vocab.scores)
    writer.add_token_types(vocab.types)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_eot_token_id(vocab.tokens.index("<|im_end|>"))
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    if spec.chat_template is not None:
        writer.add_chat_template(spec.chat_template)
    for name, template in spec.named_templates:
        writer.add_string(f"tokenizer.chat_template.{name}", template)


def _finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _normal(rng: np.random.Generator, *shape: int, scale: float) -> Floats:
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def _embedding(rng: np.random.Generator, n_vocab: int, n_embd: int) -> Floats:
    """(n_vocab, n_embd); the first dimension is constant, near 3.6 after the norm."""
    rows = _normal(rng, n_vocab, n_embd, scale=1.0)
    rows[:, 0] = 4.0
    return rows


def _output(rng: np.random.Generator, vocab: TinyVocab, spec: TinySpec) -> Floats:
    """(n_vocab, n_embd); the first column turns the constant dimension into a bias per token."""
    rows = _normal(rng, len(vocab.tokens), spec.n_embd, scale=0.3)
    rows[:, 0] = 0.0
    for token, kind in enumerate(vocab.types):
        if kind != gguf.TokenType.NORMAL:
            rows[token, 0] = -20.0 / 3.6
    for text in ("</s>", "<|im_end|>"):
        rows[vocab.tokens.index(text), 0] = spec.eos_bias / 3.6
    return rows


def _llama_tensors(spec: TinySpec, vocab: TinyVocab) -> dict[str, Floats]:
    rng = np.random.default_rng(spec.seed)
    n_embd, n_kv = spec.n_embd, spec.n_embd // spec.n_head * spec.n_head_kv
    scale = n_embd**-0.5
    tensors = {"token_embd.weight": _embedding(rng, len(vocab.tokens), n_embd)}
    for i in range(spec.n_layer):
        block = f"blk.{i}"
        tensors[f"{block}.attn_norm.weight"] = np.ones(n_embd, dtype=np.float32)
        tensors[f"{block}.attn_q.weight"] = _normal(rng, n_embd, n_embd, scale=2 * scale)
        tensors[f"{block}.attn_k.weight"] = _normal(rng, n_kv, n_embd, scale=2 * scale)
        tensors[f"{block}.attn_v.weight"] = _normal(rng, n_kv, n_embd, scale=scale)
        tensors[f"{block}.attn_output.weight"] = _normal(rng, n_embd, n_embd, scale=scale)
        tensors[f"{block}.ffn_norm.weight"] = np.ones(n_embd, dtype=np.float32)
        tensors[f"{block}.ffn_gate.weight"] = _normal(rng, spec.n_ff, n_embd, scale=scale)
        tensors[f"{block}.ffn_up.weight"] = _normal(rng, spec.n_ff, n_embd, scale=scale)
        tensors[f"{block}.ffn_down.weight"] = _normal(rng, n_embd, spec.n_ff, scale=scale)
    tensors["output_norm.weight"] = np.ones(n_embd, dtype=np.float32)
    tensors["output.weight"] = _output(rng, vocab, spec)
    return tensors


# A new architecture is one entry: its function returns every tensor that libllama asks for.
Tensors = Callable[[TinySpec, TinyVocab], dict[str, Floats]]
ARCHITECTURES: dict[str, Tensors] = {"llama": _llama_tensors}
