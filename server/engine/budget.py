"""How many prompt tokens a step may compute while streams are live.

A step's prefill share is limited by time: tokens are granted from the measured cost of a token, so
that a step stays near a target and the streams stay smooth; never fewer than a minimum, so that
prefill can't starve. It knows no slots and no clock: costs are handed in.
"""

from __future__ import annotations

N_MIN = 16
"""Tokens that a step may always compute."""
FIRST_TOKEN_S = 1e-3
"""Assumed cost of a prompt token until one was measured."""
WEIGHT = 0.25
"""How much a new measurement counts against the average."""


class PrefillBudget:
    """Moving averages of what a step costs. target_s <= 0: no limit."""

    def __init__(self, target_s: float) -> None:
        self._target_s = target_s
        self._decode_s = 0.0
        self._token_s = 0.0

    @property
    def token_s(self) -> float:
        """Seconds that one prompt token costs."""
        return self._token_s or FIRST_TOKEN_S

    def grant(self, *, has_streams: bool, n_batch: int) -> int:
        """Prompt tokens for the next step, of n_batch rows that are left."""
        if not has_streams or self._target_s <= 0:
            return n_batch
        n = int((self._target_s - self._decode_s) / self.token_s)
        return max(min(n, n_batch), min(N_MIN, n_batch))

    def observe(self, n_decode: int, n_prefill: int, seconds: float) -> None:
        """A step with so many rows took so long."""
        if not n_prefill:
            self._decode_s = _average(self._decode_s, seconds, WEIGHT)
            return
        if n_decode:
            seconds -= self._decode_s
        # a few tokens say little about the cost of many
        weight = WEIGHT * min(1.0, n_prefill / N_MIN)
        self._token_s = _average(self._token_s, max(seconds, 0.0) / n_prefill, weight)


def _average(old: float, new: float, weight: float) -> float:
    return new if not old else old + weight * (new - old)
