"""Which of thousands of token sequences begin like another one, without looking at each.

Beginnings are told by hashes at marked places: after 1, 2, 4 and 8 tokens, and after each 16. The
sequences that share the last mark with what is asked differ only in the few tokens behind it; they
are candidates, and whoever asks compares them. It knows no states and no scopes.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from server.engine.task import Tokens

STEP = 16
FIRST = (1, 2, 4, 8)
MOST = 64
"""Candidates that are named at most, the latest first; another may share up to 15 tokens more."""
BASE = 0x9E3779B97F4A7C15
"""Any odd number: the hash of tokens is the sum of (t + 1) * BASE**i, modulo 2**64."""


class PrefixIndex:
    """Sequences by number. They are found by what they hold, so that must not change meanwhile."""

    def __init__(self) -> None:
        self._having: dict[int, dict[int, None]] = {}
        """hash of a beginning -> the sequences that have it, the latest last."""
        self._ending: dict[int, dict[int, None]] = {}
        """hash of a beginning -> the sequences whose last mark it is."""

    def __bool__(self) -> bool:
        return bool(self._having)

    def add(self, key: int, tokens: Tokens) -> None:
        """tokens: (n,) int32, n > 0."""
        marks = _marks(tokens)
        for mark in marks:
            self._having.setdefault(mark, {})[key] = None
        self._ending.setdefault(marks[-1], {})[key] = None

    def remove(self, key: int, tokens: Tokens) -> None:
        """Forget what was added with these tokens."""
        marks = _marks(tokens)
        for mark in marks:
            _discard(self._having, mark, key)
        _discard(self._ending, marks[-1], key)

    def alike(self, tokens: Tokens) -> list[int]:
        """Candidates for the longest common prefix with tokens, (n,) int32."""
        marks = _marks(tokens)
        low, high = 0, len(marks)
        while low < high:  # who has a mark has all before it
            middle = (low + high) // 2
            if marks[middle] in self._having:
                low = middle + 1
            else:
                high = middle
        return _latest(self._having[marks[low - 1]]) if low else []

    def within(self, tokens: Tokens) -> list[int]:
        """Candidates for being the beginning of tokens, (n,) int32."""
        ending = self._ending
        return [key for mark in _marks(tokens) if mark in ending for key in _latest(ending[mark])]


def _latest(keys: dict[int, None]) -> list[int]:
    return list(islice(reversed(keys), MOST))


def _discard(groups: dict[int, dict[int, None]], mark: int, key: int) -> None:
    group = groups[mark]
    group.pop(key, None)
    if not group:
        del groups[mark]


def _marks(tokens: Tokens) -> list[int]:
    """The hashes of all marked beginnings of tokens, the shortest first."""
    n = len(tokens)
    sums = np.cumsum((tokens.astype(np.uint64) + np.uint64(1)) * _powers(n))
    places: Iterable[int] = (*(place for place in FIRST if place <= n), *range(STEP, n + 1, STEP))
    marks: list[int] = sums[np.fromiter(places, np.intp) - 1].tolist()
    return marks


_known: list[NDArray[np.uint64]] = [np.ones(1, np.uint64)]


def _powers(n: int) -> NDArray[np.uint64]:
    """BASE**i for i < n, modulo 2**64: (n,)."""
    if len(_known[0]) < n:
        bases = np.full(2 * n, BASE, np.uint64)
        bases[0] = 1
        _known[0] = np.multiply.accumulate(bases)
    return _known[0][:n]
