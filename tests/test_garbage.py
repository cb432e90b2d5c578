"""Old garbage is collected when few requests are active, or much of it may have come together."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from server.garbage import INTERVAL_S
from server.garbage import MOST_AGED
from server.garbage import NEVER
from server.garbage import PATIENCE
from server.garbage import QUIET
from server.garbage import Collector
from server.garbage import settle


class Knot:
    """Holds itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def settled() -> Iterator[None]:
    before = gc.get_threshold()
    gc.collect()
    settle()
    yield
    gc.set_threshold(*before)


def old_garbage() -> weakref.ref[Knot]:
    """What only a look through old objects frees."""
    knot = Knot()
    gc.collect(1)
    return weakref.ref(knot)


def collector_after(seconds: float) -> Collector:
    """A collector whose last look is so long ago."""
    times = [0.0]
    collector = Collector(lambda: times[0])
    times[0] = seconds
    return collector


@pytest.mark.usefixtures("settled")
def test_python_leaves_old_objects_alone() -> None:
    n_before = gc.get_stats()[2]["collections"]
    kept = [[[] for _ in range(10)] for _ in range(100_000)]  # type: list[list[list[int]]]
    assert gc.get_threshold()[2] == NEVER
    assert gc.get_stats()[2]["collections"] == n_before
    assert len(kept) == 100_000


@pytest.mark.usefixtures("settled")
def test_old_garbage_goes_when_few_requests_are_active() -> None:
    knot = old_garbage()
    collector_after(INTERVAL_S).look(QUIET)
    assert knot() is None


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(("seconds", "n_active"), [(INTERVAL_S, QUIET + 1), (INTERVAL_S / 2, 0)])
def test_otherwise_nobody_waits_for_it(seconds: float, n_active: int) -> None:
    knot = old_garbage()
    collector_after(seconds).look(n_active)
    assert knot() is not None


@pytest.mark.usefixtures("settled")
def test_too_much_of_it_goes_whoever_waits() -> None:
    knot = old_garbage()
    for _ in range(MOST_AGED):
        gc.collect(1)
    collector_after(0.0).look(1000)
    assert knot() is None
    assert gc.get_count()[2] < MOST_AGED


@pytest.mark.usefixtures("settled")
def test_nothing_is_looked_through_where_nothing_became_old() -> None:
    collector = collector_after(INTERVAL_S)
    n_before = gc.get_stats()[2]["collections"]
    collector.look(0)
    assert gc.get_stats()[2]["collections"] == n_before


@pytest.mark.usefixtures("settled")
def test_what_took_long_is_not_done_soon_again() -> None:
    times = [0.0]
    collector = Collector(lambda: times[0])

    def be_slow(phase: str, info: dict[str, int]) -> None:
        times[0] += (phase == "stop") * 1.0

    gc.callbacks.append(be_slow)
    try:
        old_garbage()
        times[0] = INTERVAL_S
        collector.look(0)
    finally:
        gc.callbacks.remove(be_slow)
    ended = times[0]
    knot = old_garbage()
    times[0] = ended + PATIENCE - 1
    collector.look(0)
    assert knot() is not None
    times[0] = ended + PATIENCE
    collector.look(0)
    assert knot() is None
