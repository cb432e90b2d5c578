"""What an expression is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

N_ASCII = 128


class Chars:
    """One character of a set, which is given by ranges of code points, first and last."""

    __slots__ = ("_ascii", "_is_negated", "_ranges")

    def __init__(self, ranges: Iterable[tuple[int, int]], *, is_negated: bool = False) -> None:
        self._ranges = tuple(ranges)
        self._is_negated = is_negated
        self._ascii = bytes(self._has(code) for code in range(N_ASCII))

    def __contains__(self, code: int) -> bool:
        return bool(self._ascii[code]) if code < N_ASCII else self._has(code)

    def _has(self, code: int) -> bool:
        return any(first <= code <= last for first, last in self._ranges) != self._is_negated


class Place(Enum):
    """What matches a place between two characters, and no text."""

    BEGIN = "^"
    END = "$"
    EDGE = "\\b"
    NO_EDGE = "\\B"


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    items: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """The first of these that leads to a match."""

    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """So many times; most None: any number."""

    item: Node
    least: int
    most: int | None
    is_lazy: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A text whose place is wanted. index: from 0, by opening brackets."""

    item: Node
    index: int


Node = Chars | Place | Sequence | Choice | Repeat | Group
