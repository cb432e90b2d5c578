"""Texts that are to be embedded, in the order of their turns, as far as they are computed.

Each request takes turns with the others by the tokens that it had so far, so that a single text
does not wait for the thousand of somebody else, and nobody starves. It knows no model.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
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


class Reading:
    """One text. Vectors of its parts are joined as if it had been computed at once."""

    def __init__(self, task: EmbeddingTask, pooling: Pooling) -> None:
        self.task = task
        self.is_suspect = False
        """Whether a batch that it was in failed; then it is computed alone."""
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
    """When a reading is due, in tokens; the lowest comes first."""

    due: int
    number: int
    reading: Reading


class Readings:
    """What waits, whether begun or not."""

    def __init__(self, n_rows: int) -> None:
        """n_rows: the most tokens of one text that are computed together."""
        self._n_rows = n_rows
        self._turns: list[Turn] = []
        self._now = 0
        self._n_added = 0

    def __len__(self) -> int:
        return len(self._turns)

    def __iter__(self) -> Iterator[Reading]:
        return (turn.reading for turn in self._turns)

    def add(self, readings: Iterable[Reading]) -> None:
        """The texts of one request."""
        at = self._now
        for reading in readings:
            heappush(self._turns, Turn(at + self._n_next(reading), self._n_added, reading))
            at += reading.n_left
            self._n_added += 1

    def pop(self) -> Turn:
        """Whose turn it is."""
        return heappop(self._turns)

    def pop_begun(self) -> Turn | None:
        """The next one that has a place among those under way."""
        begun = [turn for turn in self._turns if turn.reading.i_text >= 0]
        if not begun:
            return None
        self._turns.remove(min(begun))
        heapify(self._turns)
        return min(begun)

    def put_back(self, turns: Iterable[Turn]) -> None:
        """They could not be computed now."""
        for turn in turns:
            heappush(self._turns, turn)

    def computed(self, turn: Turn) -> None:
        """A part of it was computed; it waits again if some is left."""
        self._now = max(self._now, turn.due)
        n_next = self._n_next(turn.reading)
        if n_next:
            heappush(self._turns, turn._replace(due=turn.due + n_next))

    def remove(self, task_ids: frozenset[int]) -> list[Reading]:
        """Take these out."""
        gone = [turn.reading for turn in self._turns if turn.reading.task.id in task_ids]
        if gone:
            self._turns = [turn for turn in self._turns if turn.reading.task.id not in task_ids]
            heapify(self._turns)
        return gone

    def take_all(self) -> list[Reading]:
        """Take out all of them."""
        turns, self._turns = self._turns, []
        return [turn.reading for turn in sorted(turns)]

    def _n_next(self, reading: Reading) -> int:
        return min(reading.n_left, self._n_rows)
