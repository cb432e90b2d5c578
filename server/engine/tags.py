"""Looks for texts in a growing text whose pieces may split them anywhere.

The cost of a piece depends on its length and on that of the texts, not on what came before. It
knows no tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """A text that was looked for: which, and what the last piece has after it."""

    tag: bytes
    rest: bytes


class TagSearch:
    """Finds the first of several texts; goes on after it when asked again."""

    __slots__ = ("_n_kept", "_tags", "_tail")

    def __init__(self, tags: Sequence[bytes]) -> None:
        self._tags = tuple(dict.fromkeys(tag for tag in tags if tag))
        self._n_kept = max(map(len, self._tags), default=1) - 1
        self._tail = b""

    def push(self, piece: bytes) -> Found | None:
        """Add a piece. The text that begins first counts; of several there, the longest."""
        found = self.find(piece)
        if found is None:
            tail = self._tail + piece
            self._tail = tail[max(0, len(tail) - self._n_kept) :]
        else:
            self._tail = b""
        return found

    def find(self, piece: bytes) -> Found | None:
        """What `push` would find; nothing changes."""
        text = self._tail + piece
        best: tuple[int, int, bytes] | None = None
        for tag in self._tags:
            at = text.find(tag)
            if at >= 0 and (best is None or (at, -len(tag)) < best[:2]):
                best = (at, -len(tag), tag)
        if best is None:
            return None
        at, _, tag = best
        return Found(tag, text[at + len(tag) :])
