"""What one API key has used, held against its limits.

Requests and tokens come out of buckets that fill evenly and hold a minute's worth. How many tokens
a request takes is known at its end: it may start while there are any, and what it took beyond them
is paid back by waiting. It knows neither keys nor HTTP.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Exceeded:
    """Which limit is reached, and when it will not be; concurrent ones end when they end."""

    what: str
    limit: int
    retry_after_s: float


class Bucket:
    """Fills by `per_min` a minute up to that number. 0 = no limit."""

    def __init__(self, per_min: int, clock: Callable[[], float]) -> None:
        self.per_min = per_min
        self._clock = clock
        self._left = float(per_min)
        self._at = clock()

    def limit(self, per_min: int) -> None:
        """Another limit; what was used stays used."""
        self._fill()
        self._left += per_min - self.per_min
        self.per_min = per_min

    def wait_s(self, n: float) -> float:
        """Seconds until there are n."""
        self._fill()
        if not self.per_min or self._left >= n:
            return 0.0
        return (n - self._left) * MINUTE_S / self.per_min

    def take(self, n: float) -> None:
        """Take n, although there may be fewer."""
        self._fill()
        self._left -= n

    def _fill(self) -> None:
        now = self._clock()
        filled = self._left + (now - self._at) * self.per_min / MINUTE_S
        self._left, self._at = min(filled, float(self.per_min)), now


class Meter:
    """The three limits of one key. Hub's thread, or under the lock of who asks."""

    def __init__(
        self,
        requests_per_min: int,
        tokens_per_min: int,
        concurrent: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._requests = Bucket(requests_per_min, clock)
        self._tokens = Bucket(tokens_per_min, clock)
        self._concurrent = concurrent
        self._n_running = 0

    def limit(self, requests_per_min: int, tokens_per_min: int, concurrent: int) -> None:
        """Other limits from now on."""
        self._requests.limit(requests_per_min)
        self._tokens.limit(tokens_per_min)
        self._concurrent = concurrent

    def begin(self, retry_s: float) -> Exceeded | None:
        """Count a request that begins, or say why it may not; retry_s: how long one takes."""
        if self._concurrent and self._n_running >= self._concurrent:
            return Exceeded("requests at the same time", self._concurrent, retry_s)
        wait_s = self._requests.wait_s(1)
        if wait_s > 0:
            return Exceeded("requests a minute", self._requests.per_min, wait_s)
        wait_s = self._tokens.wait_s(1)
        if wait_s > 0:
            return Exceeded("tokens a minute", self._tokens.per_min, wait_s)
        self._requests.take(1)
        self._n_running += 1
        return None

    def end(self, n_tokens: int) -> None:
        """A request has ended, and took so many tokens."""
        self._n_running -= 1
        self._tokens.take(n_tokens)


def seconds(wait_s: float) -> int:
    """A wait as Retry-After has it: whole seconds, at least one."""
    return max(1, math.ceil(wait_s))
