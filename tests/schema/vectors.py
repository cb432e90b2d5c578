"""Recorded answers of llama-server, and a tokenizer that knows the texts in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "vectors"


def load(name: str) -> Any:
    """The vectors of one file."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


class RecordedTokenizer:
    """The vocabulary of stories260K, as far as the vectors need it."""

    n_vocab = 512
    bos = 1
    eos = 2
    add_bos = True
    add_eos = False
    eog_tokens = frozenset({2})

    def __init__(self) -> None:
        self._ids = {(text, s, p): ids for text, s, p, ids in load("tokenizer")}

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        return [*self._ids[text, add_special, parse_special]]

    def detokenize(self, tokens: Sequence[int], *, special: bool) -> str:
        raise NotImplementedError

    def piece(self, token: int, *, special: bool = True) -> bytes:
        raise NotImplementedError
