"""all-MiniLM-L6-v2 as sentence-transformers computes it, in numpy: the truth for our vectors.

WordPiece, BERT, the mean over all tokens, length one; from the published files alone. It shares no
code with the converter and none with llama.cpp.
"""

from __future__ import annotations

import json
import math
import unicodedata
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

MAX_WORD = 100
"""Longer words are unknown."""


class WordPiece:
    """The uncased tokenizer of BERT."""

    def __init__(self, folder: Path) -> None:
        lines = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
        self._ids = {token: i for i, token in enumerate(lines)}

    def encode(self, text: str) -> list[int]:
        """Ids between [CLS] and [SEP]."""
        words = "".join(map(self._spaced, self._plain(text))).split()
        pieces = [piece for word in words for piece in self._pieces(word)]
        return [self._ids[token] for token in ("[CLS]", *pieces, "[SEP]")]

    @staticmethod
    def _plain(text: str) -> str:
        """Lower case, without accents."""
        decomposed = unicodedata.normalize("NFD", text.lower())
        return "".join(c for c in decomposed if unicodedata.category(c) != "Mn")

    @staticmethod
    def _spaced(char: str) -> str:
        category = unicodedata.category(char)
        if char.isspace():
            return " "
        if category in ("Cc", "Cf"):
            return ""
        is_symbol = char.isascii() and not char.isalnum()
        is_chinese = 0x4E00 <= ord(char) <= 0x9FFF
        return f" {char} " if is_symbol or is_chinese or category.startswith("P") else char

    def _pieces(self, word: str) -> list[str]:
        """The longest known beginning, again and again."""
        pieces: list[str] = []
        start = 0
        while start < len(word) <= MAX_WORD:
            prefix = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if prefix + word[start:end] in self._ids), 0)
            if not end:
                return ["[UNK]"]
            pieces.append(prefix + word[start:end])
            start = end
        return pieces or ["[UNK]"]


class Bert:
    """The layers; float32 throughout."""

    def __init__(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self._n_layer: int = config["num_hidden_layers"]
        self._n_head: int = config["num_attention_heads"]
        self._eps: float = config["layer_norm_eps"]
        self._weights = _weights(folder / "model.safetensors")

    def __call__(self, tokens: list[int]) -> Floats:
        """(n, n_embd): the last layer's output for each token."""
        w, n = self._weights, len(tokens)
        x = w["embeddings.word_embeddings.weight"][tokens]
        x = x + w["embeddings.position_embeddings.weight"][:n]
        x = x + w["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x, "embeddings.LayerNorm")
        for i in range(self._n_layer):
            x = self._layer(x, f"encoder.layer.{i}")
        return x

    def _layer(self, x: Floats, name: str) -> Floats:
        attended = self._linear(self._attention(x, name), f"{name}.attention.output.dense")
        x = self._norm(x + attended, f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._norm(
            x + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm"
        )

    def _attention(self, x: Floats, name: str) -> Floats:
        n, n_embd = x.shape
        shape = (n, self._n_head, n_embd // self._n_head)
        q, k, v = (
            self._linear(x, f"{name}.attention.self.{part}").reshape(shape).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(shape[2])
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        mixed: Floats = (weights @ v).transpose(1, 0, 2).reshape(n, n_embd)
        return mixed

    def _linear(self, x: Floats, name: str) -> Floats:
        result: Floats = x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return result

    def _norm(self, x: Floats, name: str) -> Floats:
        centred = x - x.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self._eps)
        result: Floats = centred / scale * self._weights[f"{name}.weight"]
        return result + self._weights[f"{name}.bias"]


class SentenceEncoder:
    """Text to a vector of length one."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = WordPiece(folder)
        self._bert = Bert(folder)

    def __call__(self, text: str) -> Floats:
        """(n_embd,)"""
        mean = self._bert(self.tokenizer.encode(text)).mean(axis=0)
        result: Floats = mean / np.linalg.norm(mean)
        return result


def _gelu(x: Floats) -> Floats:
    erf = np.vectorize(math.erf, otypes=[np.float32])
    result: Floats = x * np.float32(0.5) * (1 + erf(x / np.float32(math.sqrt(2))))
    return result


def _weights(path: Path) -> dict[str, Floats]:
    """The tensors of a safetensors file in single precision."""
    raw = path.read_bytes()
    n_header = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + n_header])
    found = {}
    for name, about in header.items():
        if name != "__metadata__" and about["dtype"] == "F32":
            start, end = (8 + n_header + offset for offset in about["data_offsets"])
            found[name] = np.frombuffer(raw[start:end], "<f4").reshape(about["shape"])
    return found
