"""Small random BERT models: one that makes vectors of texts, and one that ranks documents.

They have real structure, meaningless weights from a fixed seed, and a WordPiece vocabulary of a few
words and all letters of the alphabet, whole and as parts. It knows nothing of libllama.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

from tests.tiny_models import Floats

N_CTX, N_EMBD, N_FF, N_LAYER, N_HEAD = 64, 32, 64, 2, 4
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = ("hello", "world", "the", "a", "cat", "dog", "sits", "runs", "panda", "bear", "what", "is")
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?"
SEED = 7


def bert_tokens() -> list[str]:
    """Special ones, words and letters that begin a word, and letters that go on."""
    begin = dict.fromkeys((*WORDS, *LETTERS))
    return [*SPECIAL, *(f"\u2581{text}" for text in begin), *LETTERS]


def build_tiny_bert(path: Path, *, ranks: bool = False) -> Path:
    """Write a model of about 60 KiB. ranks: with a classifier, whose output is a score."""
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name("tiny-ranker" if ranks else "tiny-bert")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(N_CTX)
    writer.add_embedding_length(N_EMBD)
    writer.add_feed_forward_length(N_FF)
    writer.add_block_count(N_LAYER)
    writer.add_head_count(N_HEAD)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.RANK if ranks else gguf.PoolingType.MEAN)
    writer.add_token_type_count(2)
    _add_vocab(writer, bert_tokens())
    for name, tensor in _tensors(len(bert_tokens()), ranks=ranks).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_vocab(writer: gguf.GGUFWriter, tokens: list[str]) -> None:
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("bert")
    writer.add_token_list(tokens)
    writer.add_token_types([control if token in SPECIAL else normal for token in tokens])
    writer.add_pad_token_id(tokens.index("[PAD]"))
    writer.add_unk_token_id(tokens.index("[UNK]"))
    writer.add_bos_token_id(tokens.index("[CLS]"))
    writer.add_eos_token_id(tokens.index("[SEP]"))
    writer.add_sep_token_id(tokens.index("[SEP]"))
    writer.add_mask_token_id(tokens.index("[MASK]"))


def _tensors(n_vocab: int, *, ranks: bool) -> dict[str, Floats]:
    rng = np.random.default_rng(SEED)

    def random(*shape: int) -> Floats:
        return (rng.standard_normal(shape) * 0.3).astype(np.float32)

    tensors = {
        "token_embd.weight": random(n_vocab, N_EMBD),
        "token_types.weight": random(2, N_EMBD),
        "position_embd.weight": random(N_CTX, N_EMBD),
        "token_embd_norm.weight": np.ones(N_EMBD, np.float32),
        "token_embd_norm.bias": random(N_EMBD),
    }
    for i in range(N_LAYER):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensors[f"blk.{i}.{name}.weight"] = random(N_EMBD, N_EMBD)
            tensors[f"blk.{i}.{name}.bias"] = random(N_EMBD)
        tensors[f"blk.{i}.ffn_up.weight"] = random(N_FF, N_EMBD)
        tensors[f"blk.{i}.ffn_up.bias"] = random(N_FF)
        tensors[f"blk.{i}.ffn_down.weight"] = random(N_EMBD, N_FF)
        tensors[f"blk.{i}.ffn_down.bias"] = random(N_EMBD)
        for name in ("attn_output_norm", "layer_output_norm"):
            tensors[f"blk.{i}.{name}.weight"] = np.ones(N_EMBD, np.float32)
            tensors[f"blk.{i}.{name}.bias"] = random(N_EMBD)
    if ranks:
        tensors["cls.weight"] = random(N_EMBD, N_EMBD)
        tensors["cls.bias"] = random(N_EMBD)
        tensors["cls.output.weight"] = random(1, N_EMBD)
        tensors["cls.output.bias"] = random(1)
    return tensors
