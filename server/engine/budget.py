"""How many prompt tokens a step may compute while streams are live.

A step's prefill share is limited by time: tokens are granted from the measured cost of a token, so
that a step takes a few times what it takes without prefill and the streams stay smooth; longer
where more prompts wait than streams run, since then waiting is what most clients notice; never
fewer than a minimum, so that prefill can't starve. It knows no slots and no clock: costs are handed
in.
"""

from __future__ import annotations

SLOWDOWN = 4
"""A step with prefill takes so many times the one without it: prefill gets three quarters of the
time, so a prompt takes at most a third longer than it would alone, and a stream runs on at a
quarter of its pace. With more prompts than streams, prefill's part grows as their ratio."""
SMOOTH_S = 0.03
"""A step of so many seconds nobody sees, whatever the slowdown."""
N_MIN = 16
"""Tokens that a step may always compute."""
FIRST_TOKEN_S = 1e-3
"""Assumed cost of a prompt token until one was measured."""
WEIGHT = 0.25
"""How much a new measurement counts against the average."""

# What a step can't plausibly take; beyond that, something is wrong with it.
PATIENCE = 20
"""A step may take so many times what it was measured to ..."""
MIN_PLAUSIBLE_S = 5.0
"""... and so long in any case. A context that grows deep slows prompts down tenfold."""
UNKNOWN_ROW_S = 1.0
UNKNOWN_STEP_S = 60.0
"""What a row and a step may take before any was measured."""


class PrefillBudget:
    """Moving averages of what a step costs. max_s: no step is meant to take longer; 0: no limit."""

    def __init__(self, max_s: float) -> None:
        self._max_s = max_s
        self._decode_s = 0.0
        self._token_s = 0.0

    @property
    def token_s(self) -> float:
        """Seconds that one prompt token costs."""
        return self._token_s or FIRST_TOKEN_S

    def grant(self, *, n_streams: int, n_prompts: int, n_batch: int) -> int:
        """Prompt tokens for the next step, of n_batch rows that are left.

        n_streams, n_prompts: requests that decode, and that wait for their first token.
        """
        if not n_streams or self._max_s <= 0:
            return n_batch
        prefill_s = (SLOWDOWN - 1) * self._decode_s * max(1.0, n_prompts / n_streams)
        target_s = min(self._max_s, max(SMOOTH_S, self._decode_s + prefill_s))
        n = int((target_s - self._decode_s) / self.token_s)
        return max(min(n, n_batch), min(N_MIN, n_batch))

    def plausible_s(self, n_rows: int) -> float:
        """The most that a step with so many rows can take if nothing is wrong."""
        if not self._token_s:
            return max(UNKNOWN_STEP_S, n_rows * UNKNOWN_ROW_S)
        return max(MIN_PLAUSIBLE_S, PATIENCE * (self._decode_s + n_rows * self._token_s))

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
