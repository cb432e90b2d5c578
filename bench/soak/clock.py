"""A soak's time: what passes while this program and the server are stopped does not count.

Whoever shares the machine may stop both (SIGSTOP), and a laptop may sleep. It knows no server.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field

PAUSE_S = 3.0
"""Between two ticks a second apart: so late a program is only if it was stopped."""


@dataclass(slots=True)
class RunningClock:
    """Seconds in which the program ran, for one thread that ticks each second."""

    now: Callable[[], float] = time.monotonic
    ran_s: float = 0.0
    pauses: list[tuple[float, float]] = field(default_factory=list)
    """From when to when it was stopped."""
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.now()

    def tick(self) -> float:
        """The seconds that it ran so far."""
        last, self._last = self._last, self.now()
        if self._last - last > PAUSE_S:
            self.pauses.append((last, self._last))
        else:
            self.ran_s += self._last - last
        return self.ran_s

    def was_running(self, start: float, end: float) -> bool:
        """Whether it was not stopped between the two."""
        return all(end <= first or last <= start for first, last in self.pauses)
