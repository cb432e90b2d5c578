"""A soak's clock: time in which everything was stopped is no time."""

from __future__ import annotations

import pytest

from bench.soak.clock import RunningClock


def test_a_pause_counts_for_nothing() -> None:
    times = iter([100.0, 101.0, 102.0, 242.0, 243.0])
    clock = RunningClock(lambda: next(times))
    assert [clock.tick() for _ in range(4)] == [1.0, 2.0, 2.0, 3.0]
    assert clock.pauses == [(102.0, 242.0)]


@pytest.mark.parametrize(
    ("start", "end", "ran"),
    [(100.0, 101.0, True), (101.9, 242.1, False), (150.0, 151.0, False), (242.0, 242.1, True)],
)
def test_what_a_pause_fell_into_was_not_running(start: float, end: float, ran: bool) -> None:
    clock = RunningClock(pauses=[(102.0, 242.0)])
    assert clock.was_running(start, end) is ran
