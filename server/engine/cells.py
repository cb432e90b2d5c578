"""Which cells of the KV buffer are in use, and by how many sequences.

A mirror of libllama's bookkeeping: equal counts. Ids are libllama's indices as long as that begins
each search at the first free cell, which it mostly does. Cells that several sequences hold count
once. All operations on many cells are array operations. It knows no tokens and no model.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

CellIds = NDArray[np.int32]
"""Ids of cells, (n,) int32."""

WINDOW = 4096
"""Cells among which a free one is looked for at once."""


class Cells:
    """n_cells cells with reference counts. Engine thread only."""

    def __init__(self, n_cells: int) -> None:
        self.n_cells = n_cells
        self.n_free = n_cells
        self._refs = np.zeros(n_cells, np.int32)
        self._first = 0
        """No cell before this one is free."""

    @property
    def n_used(self) -> int:
        """Cells that at least one sequence holds."""
        return self.n_cells - self.n_free

    def take(self, n: int) -> CellIds:
        """The first n free cells, now held once. The caller has seen that n_free suffices."""
        if n > self.n_free:
            raise ValueError(f"{n} cells wanted, {self.n_free} are free")
        if not n:
            return np.empty(0, np.int32)
        free = np.flatnonzero(self._refs[self._first :] == 0)[:n]
        ids = (free + self._first).astype(np.int32)
        self._refs[ids] = 1
        self.n_free -= n
        self._first = int(ids[-1]) + 1
        return ids

    def take_one(self) -> int:
        """The first free cell, now held once."""
        if not self.n_free:
            raise ValueError("a cell wanted, none is free")
        cell = self._first
        while self._refs[cell]:
            held = self._refs[cell : cell + WINDOW] != 0
            n_held = int(held.argmin())
            cell += n_held if not held[n_held] else len(held)
        self._refs[cell] = 1
        self.n_free -= 1
        self._first = cell + 1
        return cell

    def share(self, ids: CellIds) -> None:
        """One more sequence holds these."""
        self._refs[ids] += 1

    def drop(self, ids: CellIds) -> None:
        """One sequence less holds these; what nobody holds is free."""
        self._refs[ids] -= 1
        freed = ids[self._refs[ids] == 0]
        if len(freed):
            self._first = min(self._first, int(freed.min()))
            self.n_free += len(freed)

    def n_unique(self, ids: CellIds) -> int:
        """How many of these one sequence alone holds."""
        return int((self._refs[ids] == 1).sum())

    def n_held_by(self, holders: Iterable[CellIds]) -> int:
        """Cells that at least one of these holds."""
        held = np.zeros(self.n_cells, np.bool_)
        for ids in holders:
            held[ids] = True
        return int(held.sum())
