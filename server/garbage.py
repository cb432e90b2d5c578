"""When Python looks for garbage among all objects: when there are few, or much may be garbage.

Objects that hold each other are freed by Python's collector alone. By itself it looks through the
old ones whenever they have grown by a quarter, and everything stands still meanwhile: 20 to 75 ms
with a thousand requests, whose objects are not garbage. Here it looks through the young ones only;
the old ones wait for a moment with few requests, in which that takes a few milliseconds, or until
there are too many. It knows neither the engine nor HTTP. Main thread only.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

NEVER = 1 << 30
QUIET = 32
"""So few requests have so few objects."""
INTERVAL_S = 5.0
PATIENCE = 100
"""Between two looks lies so many times what the last one took, if that is more."""
MOST_AGED = 100
"""How often objects may have become old before they are looked through whoever waits: each time
at most some 7,000, all the others among which were freed."""


def settle() -> None:
    """Leave old objects to Collector."""
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, NEVER)


class Collector:
    """Looks through the old objects now and then."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due_at = clock() + INTERVAL_S

    def look(self, n_active: int) -> None:
        """Collect if something became old and that is cheap now, or due. n_active: requests."""
        n_aged, started = gc.get_count()[2], self._clock()
        is_cheap = n_active <= QUIET and started >= self._due_at
        if (n_aged and is_cheap) or n_aged >= MOST_AGED:
            gc.collect()
            ended = self._clock()
            self._due_at = ended + max(INTERVAL_S, PATIENCE * (ended - started))
