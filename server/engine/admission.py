"""Whether what leaves the KV memory is worth a copy in host memory: an account of seconds.

A copy delays all running requests; one that is wanted again spares a hundred times as much. So the
account earns a share of the time that passes, and a multiple of a copy's price whenever a request
goes on where an ended one stopped. Where that happens, all are kept; where it does not, a sample
is, which finds out when that changes, and the rest is forgotten. It knows no sequences. Engine
thread only.
"""

from __future__ import annotations

from collections.abc import Callable

SHARE = 0.003
"""Of all time, what may go into copies while nobody wants one."""
REWARD = 16.0
"""Prices of a copy that one earns by being wanted: well below what it spares."""
N_FREE = 8
"""Copies that are made before anything is known."""
MOST_S = 1.0
"""So that not much is lost when prefixes stop coming back, nor long remembered; where a copy takes
long, two rewards or one copy."""
DECAY = 0.75
"""What an earlier measurement counts when a new one comes."""


class Admission:
    """Says which copies are made, and takes down what they cost and spared."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._earned_at = clock()
        self._balance_s = 0.0
        self._n_free = N_FREE
        self._measured_s = 0.0
        self._measured_tokens = 0.0

    def admits(self) -> bool:
        """Whether a copy, of any size, may be made now."""
        now = self._clock()
        self._earn((now - self._earned_at) * SHARE, MOST_S)
        self._earned_at = now
        return self._n_free > 0 or self._balance_s > 0

    def price_s(self, n_tokens: int) -> float:
        """Seconds that copying so many tokens takes; 0 until it was measured."""
        return n_tokens * self._measured_s / max(1.0, self._measured_tokens)

    def copied(self, n_tokens: int, seconds: float) -> None:
        """A copy was made, whoever asked for it: prices are known from it."""
        self._measured_s = DECAY * self._measured_s + seconds
        self._measured_tokens = DECAY * self._measured_tokens + n_tokens

    def charge(self, seconds: float) -> None:
        """A copy that was admitted took so long."""
        if self._n_free:
            self._n_free -= 1
        else:
            self._balance_s = max(self._balance_s - seconds, -max(MOST_S, seconds))

    def wanted(self, n_tokens: int, n_held: int) -> None:
        """A request begins with the first n_tokens of the n_held of an ended one.

        A beginning that all have, as a system prompt is, does not say that the rest will be wanted:
        less than half of what that one held does not count.
        """
        if 2 * n_tokens >= n_held:
            reward_s = REWARD * self.price_s(n_tokens)
            self._earn(reward_s, max(MOST_S, 2 * reward_s))

    def _earn(self, seconds: float, most_s: float) -> None:
        earned_s = min(self._balance_s + seconds, most_s)
        self._balance_s = max(self._balance_s, earned_s)
