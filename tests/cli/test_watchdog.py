"""When a worker that hangs is given up, on a clock that is moved by hand."""

from __future__ import annotations

from server.watchdog import MAX_STEP_S
from server.watchdog import Watchdog


class Clock:
    """Seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def looked(dog: Watchdog, clock: Clock, looks: list[bool]) -> None:
    for is_stuck in looks:
        clock.now += 1
        dog.look(is_stuck=is_stuck)


def test_it_is_over_after_so_many_seconds_in_a_row() -> None:
    clock = Clock()
    dog = Watchdog(3, clock)
    looked(dog, clock, [True, True, False, True, True])
    assert not dog.is_over
    looked(dog, clock, [True])
    assert (dog.is_over, dog.stuck_s) == (True, 3)


def test_zero_waits_for_ever() -> None:
    clock = Clock()
    dog = Watchdog(0, clock)
    looked(dog, clock, [True] * 1000)
    assert not dog.is_over


def test_time_in_which_the_parent_was_stopped_too_does_not_count() -> None:
    clock = Clock()
    dog = Watchdog(30, clock)
    clock.now += 3600
    dog.look(is_stuck=True)
    assert (dog.stuck_s, dog.is_over) == (MAX_STEP_S, False)
