"""When a worker that gives no sign of life is given up.

Time counts only while the watching process itself is awake: after the whole service was paused
(`docker pause`, a suspended machine, a debugger) its worker gets the chance to go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable

MAX_STEP_S = 2.0
"""The most that counts between two looks, which come every second."""


class Watchdog:
    """For the parent process; one for each worker."""

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """limit_s: how long a worker may hang; 0 = for ever."""
        self._limit_s = limit_s
        self._clock = clock
        self._looked_at = clock()
        self.stuck_s = 0.0
        """For how long it has been seen to hang."""

    @property
    def is_over(self) -> bool:
        """Whether the worker is to be replaced."""
        return 0 < self._limit_s <= self.stuck_s

    def look(self, *, is_stuck: bool) -> None:
        """How the worker is now."""
        now = self._clock()
        step_s, self._looked_at = min(now - self._looked_at, MAX_STEP_S), now
        self.stuck_s = self.stuck_s + step_s if is_stuck else 0.0
