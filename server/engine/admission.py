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
START_S = 0.1
MOST_S = 1.0
"""So that not much is lost when prefixes stop coming back."""
WEIGHT = 0.25
"""How much a new measurement counts against the average."""


class Admission:
    """Says which copies are made, and takes down what they cost and spared."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._earned_at = clock()
        self._balance_s = START_S
        self._token_s: float | None = None

    @property
    def admits(self) -> bool:
        """Whether a copy, of any size, may be made now."""
        now = self._clock()
        self._earn((now - self._earned_at) * SHARE)
        self._earned_at = now
        return self._balance_s > 0

    def price_s(self, n_tokens: int) -> float:
        """Seconds that copying so many tokens takes; 0 until it was measured."""
        return n_tokens * (self._token_s or 0.0)

    def copied(self, n_tokens: int, seconds: float) -> None:
        """A copy was made, admitted or not."""
        token_s = seconds / n_tokens
        average_s = token_s if self._token_s is None else self._token_s
        self._token_s = average_s + WEIGHT * (token_s - average_s)
        self._balance_s -= seconds

    def wanted(self, n_tokens: int, n_held: int) -> None:
        """A request begins with the first n_tokens of the n_held of an ended one.

        A beginning that all have, as a system prompt is, does not say that the rest will be wanted.
        """
        if 2 * n_tokens >= n_held:
            self._earn(REWARD * self.price_s(n_tokens))

    def _earn(self, seconds: float) -> None:
        self._balance_s = min(self._balance_s + seconds, MOST_S)
