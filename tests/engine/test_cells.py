"""The mirror of the KV buffer's cells: counted as libllama counts them, taken from the first on."""

from __future__ import annotations

import random

import numpy as np
import pytest

from server.engine.cells import WINDOW
from server.engine.cells import Cells


@pytest.mark.parametrize("seed", range(20))
def test_the_first_free_cells_are_taken(seed: int) -> None:
    rng = random.Random(seed)
    cells, free, held = Cells(60), set(range(60)), []
    for _ in range(300):
        n = rng.randint(0, min(9, len(free)))
        expected = sorted(free)[:n]
        if n == 1 and rng.random() < 0.5:
            taken = np.array([cells.take_one()], np.int32)
        else:
            taken = cells.take(n)
        assert (taken.tolist(), taken.dtype) == (expected, np.int32)
        free -= set(expected)
        if n:
            held.append(taken)
        while held and (rng.random() < 0.4 or len(free) < 5):
            gone = held.pop(rng.randrange(len(held)))
            cells.drop(gone)
            free |= set(gone.tolist())
        assert cells.n_free == len(free)


def test_a_shared_cell_is_free_when_nobody_holds_it_any_more() -> None:
    cells = Cells(4)
    ids = cells.take(2)
    cells.share(ids[:1])
    cells.drop(ids)
    assert (cells.take_one(), cells.n_free) == (1, 2)
    cells.drop(ids[:1])
    assert cells.take_one() == 0


def test_the_only_free_cell_is_found_far_on() -> None:
    n = 3 * WINDOW + 5
    cells = Cells(n)
    ids = cells.take(n)
    for place in (n - 1, WINDOW, 2 * WINDOW - 1, 0):
        cells._first = 0
        cells.drop(ids[place : place + 1])
        cells._first = 0
        assert cells.take_one() == place


def test_more_than_there_are_is_refused() -> None:
    cells = Cells(2)
    with pytest.raises(ValueError, match="3 cells wanted, 2 are free"):
        cells.take(3)
    cells.take(2)
    with pytest.raises(ValueError, match="none is free"):
        cells.take_one()
