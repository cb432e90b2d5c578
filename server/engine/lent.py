"""Cells of the KV memory that texts hold while they are embedded, and who waits for whom there.

Generation comes first: a text gives its cells up when a request needs them. So that it is done at
last, requests that came later wait for one that found no cells, or that gave them up once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from server.engine.memory import Memory
    from server.engine.reading import Reading
    from server.engine.reading import Readings
    from server.engine.task import EmbeddingTask


class LentCells:
    """The memory's guest, on behalf of texts. Engine thread only."""

    def __init__(
        self, memory: Memory, readings: Readings, release: Callable[[Reading], None]
    ) -> None:
        """release: ends what is computed of a text, and gives its cells back here."""
        self._memory = memory
        self._readings = readings
        self._release = release
        self._first_waiting: EmbeddingTask | None = None
        """The oldest text for which requests wait that came later."""
        self._some_gave_way = False

    # for texts

    def look(self) -> None:
        """A step begins: who waits is seen anew."""
        self._first_waiting = None
        if self._some_gave_way:
            tasks = (each.task for each in self._readings if each.gave_way)
            self._first_waiting = min(tasks, key=lambda task: task.id, default=None)
            self._some_gave_way = self._first_waiting is not None

    def take(self, reading: Reading) -> bool:
        """Give a text its cells; False if too few are free now."""
        n_cells, first = len(reading.task.prompt), self._first_waiting
        if self._memory.make_room(n_cells, asks_guest=False):
            reading.cells = self._memory.cells.take(n_cells)
            return True
        if first is None or reading.task.id < first.id:
            self._first_waiting = reading.task
        return False

    def give_back(self, reading: Reading) -> None:
        """Free a text's cells, if it has any."""
        if reading.cells is not None:
            self._memory.cells.drop(reading.cells)
            reading.cells = None

    # for requests

    @property
    def are_wanted(self) -> bool:
        """Whether a text waits for cells."""
        return self._first_waiting is not None

    def comes_before(self, task_id: int) -> bool:
        """Whether a request, or an action, has to wait for an older text."""
        return self._first_waiting is not None and self._first_waiting.id < task_id

    # a guest of the memory

    @property
    def n_cells(self) -> int:
        """See Guest."""
        return sum(len(each.cells) for each in self._readings if each.cells is not None)

    def is_for_older(self, submitted_before: float) -> bool:
        """See Guest."""
        tasks = [each.task for each in self._readings if each.cells is not None]
        if self._first_waiting is not None:
            tasks.append(self._first_waiting)
        return any((task.t_submitted or 0.0) < submitted_before for task in tasks)

    def give_way(self) -> bool:
        """See Guest: the youngest that has cells begins again."""
        holders = [each for each in self._readings if each.cells is not None]
        if not holders:
            return False
        youngest = max(holders, key=lambda reading: reading.task.id)
        self._release(youngest)
        youngest.gave_way = self._some_gave_way = True
        return True

    def lose_all(self) -> None:
        """See Guest."""
        while self.give_way():
            pass
