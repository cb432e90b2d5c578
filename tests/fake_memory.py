"""What a fake runner keeps of its sequences: cells, and the parts that can't be cut.

Both check what is asked of them, as libllama would not: a gap, a shared cell that is moved, a row
whose memory is forgotten fail the test that caused them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from server.engine.task import Adapters


class Origin(NamedTuple):
    """What a cell was computed with, and for whom: one owner's cells may serve no other."""

    adapters: Adapters
    owner: str


@dataclass(slots=True)
class Cell:
    """One cell: a token at a position, computed with adapters, held by sequences."""

    token: int
    pos: int
    origin: Origin
    holders: set[int]

    @property
    def adapters(self) -> Adapters:
        """What it was computed with."""
        return self.origin.adapters


class FakeMemory:
    """All cells. Moving a cell moves it for every sequence that holds it, as in libllama."""

    def __init__(self) -> None:
        self.cells: list[Cell] = []
        self._of: dict[int, list[Cell]] = {}

    def of(self, seq_id: int) -> list[Cell]:
        """A sequence's cells by position: 0, 1, 2, ... Valid until the next change."""
        held = self._of.get(seq_id)
        if held is None:
            held = sorted((c for c in self.cells if seq_id in c.holders), key=lambda c: c.pos)
            if [cell.pos for cell in held] != list(range(len(held))):
                raise AssertionError(f"sequence {seq_id} has gaps: {[c.pos for c in held]}")
            self._of[seq_id] = held
        return held

    def add(self, seq_id: int, token: int, pos: int, origin: Origin) -> None:
        """A new cell at the end of a sequence."""
        held = self.of(seq_id)
        if pos != len(held):
            raise AssertionError(f"sequence {seq_id}: row at {pos}, {len(held)} held")
        held.append(Cell(token, pos, origin, {seq_id}))
        self.cells.append(held[-1])

    def share(self, source: int, target: int, n: int) -> None:
        """A sequence holds the first n cells of another one, too."""
        for cell in self.of(source)[:n]:
            cell.holders.add(target)
        self._of.pop(target, None)

    def remove(self, seq_id: int, start: int, end: int) -> None:
        """A sequence lets go of positions [start, end)."""
        self._of.pop(seq_id, None)
        for cell in self.cells:
            if seq_id in cell.holders and start <= cell.pos < end:
                cell.holders.remove(seq_id)
        self.cells = [cell for cell in self.cells if cell.holders]

    def move(self, seq_id: int, start: int, end: int, delta: int) -> None:
        """Change the positions of a sequence's own cells."""
        self._of.pop(seq_id, None)
        for cell in self.cells:
            if seq_id in cell.holders and start <= cell.pos < end:
                if cell.holders != {seq_id}:
                    raise AssertionError(f"a cell of {cell.holders} was moved")
                cell.pos += delta


class UncutParts:
    """The parts of sequences that can't be cut: a window of tokens, or (window 0) the last state.

    They forget as early as they may, and a row that needs what is forgotten fails the test.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._first: dict[int, int] = {}
        self._lost: set[int] = set()

    def add(self, seq_id: int, pos: int) -> None:
        """A row is computed."""
        first = self._first.get(seq_id, 0)
        if seq_id in self._lost or (self._window and first > max(0, pos - self._window + 1)):
            raise AssertionError(f"sequence {seq_id}: a row at {pos}, its memory begins at {first}")
        self.restore(seq_id, pos + 1)

    def restore(self, seq_id: int, n_tokens: int) -> None:
        """They are as after n_tokens."""
        self._first[seq_id] = max(0, n_tokens - self._window) if self._window else 0
        self._lost.discard(seq_id)

    def copy(self, source: int, target: int, *, has_all: bool) -> None:
        """Another sequence has them; has_all: as far as it needs them."""
        self._first[target] = self._first.get(source, 0)
        if not has_all or source in self._lost:
            self._lost.add(target)

    def clear(self, seq_id: int) -> None:
        """The sequence is empty."""
        self._first.pop(seq_id, None)
        self._lost.discard(seq_id)

    def floor(self, seq_id: int, n_held: int) -> int:
        """The least number of tokens that can be kept."""
        if not self._window:
            return n_held
        first = self._first.get(seq_id, 0)
        return first + self._window - 1 if first > 0 else 0
