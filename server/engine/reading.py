"""Texts that are to be embedded, in the order of their turns, as far as they are computed.

Owners take turns, measured in tokens. So do the requests of each, so that a single text does not
wait for the thousand of another request, and nobody starves. It knows no model.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from heapq import heapify
from heapq import heappop
from heapq import heappush
from typing import NamedTuple

import numpy as np

from server.engine.cells import CellIds
from server.engine.modelinfo import Pooling
from server.engine.task import EmbeddingTask
from server.engine.task import Tokens
from server.engine.task import Vectors


class Together:
    """The texts of one request."""

    have_begun = False
    """Whether anything of them was computed."""


class Reading:
    """One text. Vectors of its parts are joined as if it had been computed at once."""

    def __init__(
        self, task: EmbeddingTask, pooling: Pooling, others: Together | None = None
    ) -> None:
        self.task = task
        self.others = others or Together()
        self.is_suspect = False
        """Whether a batch that it was in failed; then it is computed alone."""
        self.gave_way = False
        """Whether it lost its cells to a request, or to a fault."""
        self.cells: CellIds | None = None
        self.i_text = -1
        """Its place among those under way; -1 = nothing of it is computed."""
        self._pooling = pooling
        self._parts: list[Vectors] = []
        self.n_done = 0

    @property
    def n_left(self) -> int:
        """Tokens that are not computed yet."""
        return len(self.task.prompt) - self.n_done

    def next_tokens(self, n: int) -> Tokens:
        """The n tokens that come next."""
        return self.task.prompt[self.n_done : self.n_done + n]

    def add(self, vectors: Vectors, n_tokens: int) -> None:
        """The next n_tokens were computed; each part sees what is before it."""
        self.others.have_begun = True
        match self._pooling:
            case Pooling.NONE:
                self._parts.append(vectors)
            case Pooling.MEAN if self._parts:
                weight = np.float32(n_tokens / (self.n_done + n_tokens))
                self._parts = [self._parts[0] + (vectors - self._parts[0]) * weight]
            case Pooling.CLS:
                self._parts = self._parts or [vectors]
            case Pooling.MEAN | Pooling.LAST | Pooling.RANK:
                self._parts = [vectors]
        self.n_done += n_tokens

    def vectors(self) -> Vectors:
        """Of the whole text."""
        return self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)

    def restart(self) -> None:
        """Nothing of it is computed."""
        self._parts = []
        self.n_done = 0


class Turn(NamedTuple):
    """When a reading is due among those of its owner, in tokens; the lowest comes first."""

    due: int
    number: int
    reading: Reading


class _Lane:
    """What waits of one owner."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.now = 0
        """The turn that was computed last."""
        self.n_served = 0
        """Tokens; who was served least comes first."""


class Readings:
    """What waits, whether begun or not: owners take turns, and so do the requests of each."""

    def __init__(self, n_rows: int) -> None:
        """n_rows: the most tokens of one text that are computed together."""
        self._n_rows = n_rows
        self._lanes: dict[str, _Lane] = {}
        self._n_served_last = 0
        self._n_added = 0

    def __len__(self) -> int:
        return sum(len(lane.turns) for lane in self._lanes.values())

    def __iter__(self) -> Iterator[Reading]:
        return (turn.reading for lane in self._waiting() for turn in lane.turns)

    def add(self, readings: Sequence[Reading]) -> None:
        """The texts of one request."""
        if not readings:
            return
        lane = self._lane(readings[0])
        if not lane.turns:  # who pauses saves nothing up
            least = min((other.n_served for other in self._waiting()), default=self._n_served_last)
            lane.n_served = max(lane.n_served, least)
        at = lane.now
        for reading in readings:
            heappush(lane.turns, Turn(at + self._n_next(reading), self._n_added, reading))
            at += reading.n_left
            self._n_added += 1

    def pop(self) -> Turn:
        """Whose turn it is; it counts as served until it is put back."""
        lane = min(self._waiting(), key=lambda lane: (lane.n_served, lane.turns[0]))
        turn = heappop(lane.turns)
        self._charge(turn, self._n_next(turn.reading))
        return turn

    def pop_begun(self) -> Turn | None:
        """The next one that has a place among those under way."""
        for lane in sorted(self._waiting(), key=lambda lane: lane.n_served):
            begun = [turn for turn in lane.turns if turn.reading.i_text >= 0]
            if begun:
                lane.turns.remove(min(begun))
                heapify(lane.turns)
                self._charge(min(begun), self._n_next(min(begun).reading))
                return min(begun)
        return None

    def put_back(self, turns: Iterable[Turn]) -> None:
        """They could not be computed now."""
        for turn in turns:
            self._charge(turn, -self._n_next(turn.reading))
            heappush(self._lane(turn.reading).turns, turn)

    def computed(self, turn: Turn) -> None:
        """A part of it was computed; it waits again if some is left."""
        lane, n_next = self._lane(turn.reading), self._n_next(turn.reading)
        lane.now = max(lane.now, turn.due)
        if n_next:
            heappush(lane.turns, turn._replace(due=turn.due + n_next))

    def remove(self, is_gone: Callable[[Reading], bool]) -> list[Reading]:
        """Take these out."""
        gone: list[Reading] = []
        for lane in self._waiting():
            found = [turn.reading for turn in lane.turns if is_gone(turn.reading)]
            if found:
                lane.turns = [turn for turn in lane.turns if not is_gone(turn.reading)]
                heapify(lane.turns)
                gone += found
        return gone

    def take_all(self) -> list[Reading]:
        """Take out all of them."""
        turns = sorted(turn for lane in self._waiting() for turn in lane.turns)
        for lane in self._waiting():
            lane.turns = []
        return [turn.reading for turn in turns]

    def _lane(self, reading: Reading) -> _Lane:
        return self._lanes.setdefault(reading.task.owner, _Lane())

    def _waiting(self) -> list[_Lane]:
        return [lane for lane in self._lanes.values() if lane.turns]

    def _charge(self, turn: Turn, n_tokens: int) -> None:
        lane = self._lane(turn.reading)
        lane.n_served += n_tokens
        self._n_served_last = lane.n_served

    def _n_next(self, reading: Reading) -> int:
        return min(reading.n_left, self._n_rows)
