"""Follows all ways through a program at once, and remembers each step that it has made before.

A step depends on where the ways stand and on a character, not on what they remember; so what each
of them comes from, and what it marks on the way, is worked out once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from server.engine.pattern.nodes import Chars
from server.engine.pattern.nodes import Place
from server.engine.pattern.program import Jump
from server.engine.pattern.program import Mark
from server.engine.pattern.program import Match
from server.engine.pattern.program import Split
from server.engine.pattern.program import compiled

NOBODY = -1
"""The character before the first and after the last."""
NEW = -1
"""The way that begins here."""
MAX_KEPT = 50_000
"""Ways in the steps that are remembered of one program: some five megabytes."""
N_MACHINES = 16

Places = tuple[int, ...]
"""Where in the program ways stand; those that count more come first."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Which way leads somewhere, and what it marks."""

    way: int
    marks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What a character does: where the ways stand after it, and from where each of them comes."""

    places: Places
    origins: tuple[Origin, ...]
    match: Origin | None
    is_still: bool
    """Whether nothing changes at all."""


class Machine:
    """One program. Engine thread only."""

    def __init__(self, pattern: str) -> None:
        """PatternRefused."""
        program = compiled(pattern)
        self._code = program.instructions
        self.n_marks = program.n_marks
        self._steps: dict[tuple[Places, bool, int, int], Step] = {}
        self._n_kept = 0

    def step(self, places: Places, before: int, after: int, *, begins: bool) -> Step:
        """Between two characters. begins: whether another way may begin here."""
        kind = before if before == NOBODY else int(_is_word(before))
        key = (places, begins, kind, after)
        step = self._steps.get(key)
        if step is None:
            if self._n_kept > MAX_KEPT:
                self._steps.clear()
                self._n_kept = 0
            step = self._steps[key] = self._made(places, before, after, begins)
            self._n_kept += 1 + len(step.places)
        return step

    def _made(self, places: Places, before: int, after: int, begins: bool) -> Step:
        moved, origins, match = [], [], None
        for at, origin in self._standing(places, before, after, begins):
            instruction = self._code[at]
            if isinstance(instruction, Match):
                match = origin
                break
            if isinstance(instruction, Chars) and after in instruction:
                moved.append(at + 1)
                origins.append(origin)
        is_still = match is None and tuple(moved) == places
        is_still = is_still and all(o == Origin(i, ()) for i, o in enumerate(origins))
        return Step(tuple(moved), tuple(origins), match, is_still)

    def _standing(
        self, places: Places, before: int, after: int, begins: bool
    ) -> list[tuple[int, Origin]]:
        """The ways before a character, each at one that it wants, or at its end."""
        seen: set[int] = set()
        standing = []
        ways = [(at, Origin(i, ())) for i, at in enumerate(places)]
        for way in [*ways, (0, Origin(NEW, ()))] if begins else ways:
            waiting = [way]
            while waiting:
                at, origin = waiting.pop()
                if at in seen:
                    continue
                seen.add(at)
                match self._code[at]:
                    case Jump(to):
                        waiting.append((to, origin))
                    case Split(first, second):
                        waiting += [(second, origin), (first, origin)]
                    case Mark(slot):
                        waiting.append((at + 1, Origin(origin.way, (*origin.marks, slot))))
                    case Place() as kind:
                        if _is_at(kind, before, after):
                            waiting.append((at + 1, origin))
                    case _:
                        standing.append((at, origin))
        return standing


@lru_cache(maxsize=N_MACHINES)
def machine_of(pattern: str) -> Machine:
    """The machine of an expression. PatternRefused."""
    return Machine(pattern)


def _is_at(kind: Place, before: int, after: int) -> bool:
    match kind:
        case Place.BEGIN:
            return before == NOBODY
        case Place.END:
            return after == NOBODY
    is_edge = _is_word(before) != _is_word(after)
    return is_edge == (kind is Place.EDGE)


def _is_word(code: int) -> bool:
    return 0 <= code < 128 and (chr(code).isalnum() or code == 0x5F)
