"""Looks for an expression in a text that grows.

What matches first, and of that what the expression prefers, as a search in the whole text would
find it each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from server.engine.pattern.nodes import Place
from server.engine.pattern.program import Instruction
from server.engine.pattern.program import Jump
from server.engine.pattern.program import Mark
from server.engine.pattern.program import Match
from server.engine.pattern.program import Program
from server.engine.pattern.program import Split
from server.engine.pattern.program import compiled

UNSET = -1
NOBODY = -1
"""The character before the first and after the last."""

Marks = tuple[int, ...]
Thread = tuple[int, Marks]
"""Where in the program a way stands, and what it remembers. Those that count more come first."""

_program = lru_cache(maxsize=64)(compiled)


class PatternSearch:
    """One expression in one text. Places are the caller's: whatever it counts in."""

    __slots__ = ("_before", "_code", "_found", "_threads", "_unmarked")

    def __init__(self, pattern: str) -> None:
        """PatternRefused."""
        program: Program = _program(pattern)
        self._code: tuple[Instruction, ...] = program.instructions
        self._unmarked: Marks = (UNSET,) * program.n_marks
        self._threads: list[Thread] = []
        self._found: Marks | None = None
        self._before = NOBODY

    def copy(self) -> PatternSearch:
        """One that goes on from here by itself."""
        other = object.__new__(PatternSearch)
        for name in self.__slots__:
            setattr(other, name, getattr(self, name))
        return other

    def push(self, text: str, places: Sequence[int]) -> None:
        """Add text. places: of each of its characters."""
        for character, place in zip(text, places, strict=True):
            code = ord(character)
            moved = []
            for at, marks in self._standing(code, place):
                instruction = self._code[at]
                if isinstance(instruction, Match):
                    self._found = marks
                    break
                if code in instruction:  # type: ignore[operator]
                    moved.append((at + 1, marks))
            self._threads = moved
            self._before = code

    def found(self, place: int) -> int | None:
        """Where the match of the text so far begins, or in it the first group that isn't empty.

        place: of the end of the text.
        """
        marks = self._found
        for at, reached in self._standing(NOBODY, place):
            if isinstance(self._code[at], Match):
                marks = reached
                break
        if marks is None:
            return None
        for begin, end in zip(marks[:-1:2], marks[1:-1:2], strict=True):
            if begin < end:
                return begin
        return marks[-1]

    def _standing(self, after: int, place: int) -> list[Thread]:
        """The ways before a character, each at one that it wants, or at its end."""
        seen: set[int] = set()
        standing: list[Thread] = []
        threads = self._threads
        if self._found is None:
            threads = [*threads, (0, self._unmarked)]
        for thread in threads:
            waiting = [thread]
            while waiting:
                at, marks = waiting.pop()
                if at in seen:
                    continue
                seen.add(at)
                match self._code[at]:
                    case Jump(to):
                        waiting.append((to, marks))
                    case Split(first, second):
                        waiting += [(second, marks), (first, marks)]
                    case Mark(slot):
                        waiting.append((at + 1, (*marks[:slot], place, *marks[slot + 1 :])))
                    case Place() as kind:
                        if self._is_at(kind, after):
                            waiting.append((at + 1, marks))
                    case _:
                        standing.append((at, marks))
        return standing

    def _is_at(self, kind: Place, after: int) -> bool:
        match kind:
            case Place.BEGIN:
                return self._before == NOBODY
            case Place.END:
                return after == NOBODY
        is_edge = _is_word(self._before) != _is_word(after)
        return is_edge == (kind is Place.EDGE)


def _is_word(code: int) -> bool:
    return 0 <= code < 128 and (chr(code).isalnum() or code == 0x5F)
