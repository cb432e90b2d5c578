"""Which cells of the KV buffer are in use, and by how many sequences.

A mirror of libllama's bookkeeping with ids of its own: equal counts, not equal indices. Cells that
several sequences hold count once. All operations on many cells are array operations. It knows no
tokens and no model.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

CellIds = NDArray[np.int32]
"""Ids of cells, (n,) int32."""


class Cells:
    """n_cells cells with reference counts. Engine thread only."""

    def __init__(self, n_cells: int) -> None:
        self.n_cells = n_cells
        self.n_free = n_cells
        self._refs = np.zeros(n_cells, np.int32)
        self._free = np.arange(n_cells, dtype=np.int32)[::-1].copy()

    @property
    def n_used(self) -> int:
        """Cells that at least one sequence holds."""
        return self.n_cells - self.n_free

    def take(self, n: int) -> CellIds:
        """n free cells, now held once. The caller has seen that n_free suffices."""
        if n > self.n_free:
            raise ValueError(f"{n} cells wanted, {self.n_free} are free")
        self.n_free -= n
        ids: CellIds = self._free[self.n_free : self.n_free + n].copy()
        self._refs[ids] = 1
        return ids

    def take_one(self) -> int:
        """One free cell, now held once."""
        if not self.n_free:
            raise ValueError("a cell wanted, none is free")
        self.n_free -= 1
        cell = self._free[self.n_free]
        self._refs[cell] = 1
        return int(cell)

    def share(self, ids: CellIds) -> None:
        """One more sequence holds these."""
        self._refs[ids] += 1

    def drop(self, ids: CellIds) -> None:
        """One sequence less holds these; what nobody holds is free."""
        self._refs[ids] -= 1
        freed = ids[self._refs[ids] == 0]
        self._free[self.n_free : self.n_free + len(freed)] = freed
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
