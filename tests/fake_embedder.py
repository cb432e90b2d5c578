"""An embedder without a model: a vector that depends on every token of a text so far.

It checks, as libllama would not, that the parts of a text come in order and that nothing is left of
a text when its place is used again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from server.engine.errors import DecodeFailed
from server.engine.errors import KvFull
from server.engine.modelinfo import Pooling
from server.engine.runner import Part
from server.engine.task import Vectors

if TYPE_CHECKING:
    from tests.fakes import FakeRunner

N_EMBD = 4


def token_vector(tokens: Sequence[int]) -> Vectors:
    """(N_EMBD,) of the last of these tokens, which sees those before it."""
    state = 11
    for token in tokens:
        state = (state * 37 + token + 1) % 1_000_003
    return np.array([state % (101 + i) for i in range(N_EMBD)], np.float32)


def pooled(tokens: Sequence[int], start: int, pooling: Pooling) -> Vectors:
    """The vectors of tokens from start on, as libllama pools them: (n, N_EMBD)."""
    rows = [token_vector(tokens[: i + 1]) for i in range(start, len(tokens))]
    match pooling:
        case Pooling.NONE:
            return np.stack(rows)
        case Pooling.MEAN:
            return np.mean(rows, axis=0, dtype=np.float32)[np.newaxis]
        case Pooling.CLS:
            return rows[0][np.newaxis]
        case Pooling.LAST:
            return rows[-1][np.newaxis]
        case Pooling.RANK:
            return rows[-1][np.newaxis, :1]


class FakeEmbedder:
    """See Embedder; shares the cells of its runner, if it has a memory at all."""

    def __init__(self, runner: FakeRunner, *, n_texts: int = 4, holds_cells: bool = True) -> None:
        self._runner = runner
        self.n_texts = n_texts
        self.n_rows = runner.info.n_ubatch
        self.n_rows_packed = runner.info.n_ubatch
        self.holds_cells = holds_cells
        self.held: dict[int, list[int]] = {}
        """The tokens of each text under way."""
        self.batches: list[list[int]] = []
        """How many tokens of each text were in each batch."""
        self.nan_tokens: frozenset[int] = frozenset()
        self.full_next = False

    @property
    def n_used(self) -> int:
        """Cells in use."""
        return sum(map(len, self.held.values())) if self.holds_cells else 0

    def embed(self, parts: Sequence[Part]) -> list[Vectors]:
        """Check every part and store it."""
        n_rows = sum(len(part.tokens) for part in parts)
        if not 0 < n_rows <= self.n_rows or len({part.i_text for part in parts}) < len(parts):
            raise AssertionError(f"a batch of {n_rows} rows: {parts}")
        if self.full_next or self._runner.n_used + n_rows > self._runner.n_cells:
            self.full_next = False
            raise KvFull("full")
        self.batches.append([len(part.tokens) for part in parts])
        tokens = {token for part in parts for token in part.tokens.tolist()}
        if not self._runner.fail_tokens.isdisjoint(tokens):
            raise DecodeFailed("broken token")
        vectors = [self._embed(part) for part in parts]
        if not self.nan_tokens.isdisjoint(tokens):
            return [vector * np.float32("nan") for vector in vectors]
        return vectors

    def _embed(self, part: Part) -> Vectors:
        if not 0 <= part.i_text < self.n_texts:
            raise AssertionError(f"text {part.i_text} of {self.n_texts}")
        held = self.held.setdefault(part.i_text, [])
        if part.start != len(held):
            raise AssertionError(f"text {part.i_text}: {part.start}, {len(held)} held")
        held += part.tokens.tolist()
        vectors = pooled(held, part.start, self._runner.info.pooling)
        if not self.holds_cells:
            del self.held[part.i_text]
        return vectors

    def forget(self, i_text: int) -> None:
        """Free its cells."""
        self.held.pop(i_text, None)
