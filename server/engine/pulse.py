"""By when the engine's thread will have done what it is at: how a hang is told from work.

The thread says before each piece of work how long it may plausibly take; who finds it over that
time, in this process or in its parent, knows that it hangs, even inside native code, and even
holding the interpreter's lock. The memory is shared with processes that are forked later.
"""

from __future__ import annotations

import mmap
import time

SIZE_BYTES = 8
REST = float("inf")


class Pulse:
    """One time, written by the engine's thread and read by anybody."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, SIZE_BYTES)
        self._due = memoryview(self._memory).cast("d")
        self.rest()

    def allow(self, seconds: float) -> None:
        """Engine thread: what comes now takes so long at the most."""
        self._due[0] = time.monotonic() + seconds

    def rest(self) -> None:
        """Engine thread: what comes now may take any time."""
        self._due[0] = REST

    def forgive(self, seconds: float) -> None:
        """Any thread: the whole process stood still for so long, and the engine with it."""
        self._due[0] += seconds

    @property
    def overdue_s(self) -> float:
        """For how long the thread has been over its time; 0 = it is not. Any process."""
        return max(0.0, time.monotonic() - self._due[0])
