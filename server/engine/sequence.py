"""The tokens that one KV sequence holds, in order of their positions.

A mirror of the memory, kept by the engine: position i holds token i. It knows no model. Growth and
comparison are array operations, so a long prompt costs no Python loop.
"""

from __future__ import annotations

import numpy as np

from server.engine.task import Tokens

INITIAL_CAPACITY = 256


def common_prefix(a: Tokens, b: Tokens) -> int:
    """How many leading tokens two arrays share."""
    n = min(len(a), len(b))
    if n == 0 or a[0] != b[0]:
        return 0
    differs = a[:n] != b[:n]
    first = int(differs.argmax())
    return first if differs[first] else n


class Sequence:
    """Tokens under one seq_id. `tokens` is a view, valid until the next change."""

    __slots__ = ("_buffer", "id", "n_tokens")

    def __init__(self, seq_id: int) -> None:
        self.id = seq_id
        self.n_tokens = 0
        self._buffer = np.empty(INITIAL_CAPACITY, np.int32)

    @property
    def tokens(self) -> Tokens:
        """(n_tokens,) int32."""
        return self._buffer[: self.n_tokens]

    def append(self, token: int) -> None:
        """Add one token at position n_tokens."""
        if self.n_tokens == len(self._buffer):
            self._reserve(self.n_tokens + 1)
        self._buffer[self.n_tokens] = token
        self.n_tokens += 1

    def extend(self, tokens: Tokens) -> None:
        """Add tokens, (n,) int32, from position n_tokens on."""
        end = self.n_tokens + len(tokens)
        if end > len(self._buffer):
            self._reserve(end)
        self._buffer[self.n_tokens : end] = tokens
        self.n_tokens = end

    def truncate(self, n_tokens: int) -> None:
        """Keep the first n_tokens."""
        self.n_tokens = min(self.n_tokens, n_tokens)

    def common_prefix(self, tokens: Tokens) -> int:
        """How many leading tokens this sequence shares with tokens."""
        return common_prefix(self.tokens, tokens)

    def _reserve(self, n_tokens: int) -> None:
        grown = np.empty(max(n_tokens, 2 * len(self._buffer)), np.int32)
        grown[: self.n_tokens] = self._buffer[: self.n_tokens]
        self._buffer = grown
