"""Looks for an expression in a text that grows.

What matches first, and of that what the expression prefers, as a search in the whole text would
find it each time.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.engine.pattern.machine import NEW
from server.engine.pattern.machine import NOBODY
from server.engine.pattern.machine import Machine
from server.engine.pattern.machine import Origin
from server.engine.pattern.machine import Places
from server.engine.pattern.machine import machine_of

UNSET = -1

Marks = tuple[int, ...]
"""Where groups begin and end, and where the match begins."""


class PatternSearch:
    """One expression in one text. Places are the caller's: whatever it counts in."""

    __slots__ = ("_before", "_found", "_machine", "_marks", "_unmarked", "_ways")

    def __init__(self, pattern: str) -> None:
        """PatternRefused."""
        self._machine: Machine = machine_of(pattern)
        self._unmarked: Marks = (UNSET,) * self._machine.n_marks
        self._ways: Places = ()
        self._marks: list[Marks] = []
        """What each way remembers."""
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
            step = self._machine.step(self._ways, self._before, code, begins=self._found is None)
            self._before = code
            if step.is_still:
                continue
            if step.match is not None:
                self._found = self._marked(step.match, place)
            self._marks = [self._marked(origin, place) for origin in step.origins]
            self._ways = step.places

    def _marked(self, origin: Origin, place: int) -> Marks:
        marks = self._unmarked if origin.way == NEW else self._marks[origin.way]
        for slot in origin.marks:
            marks = (*marks[:slot], place, *marks[slot + 1 :])
        return marks

    def found(self, place: int) -> int | None:
        """Where the match of the text so far begins, or in it the first group that isn't empty.

        place: of the end of the text.
        """
        step = self._machine.step(self._ways, self._before, NOBODY, begins=self._found is None)
        marks = self._found if step.match is None else self._marked(step.match, place)
        if marks is None:
            return None
        for begin, end in zip(marks[:-1:2], marks[1:-1:2], strict=True):
            if begin < end:
                return begin
        return marks[-1]
