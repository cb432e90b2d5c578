"""Counters of the engine, cumulative since its start. Engine thread only; read via Snapshot.

Answers to `server_metrics` of llama.cpp `tools/server/server-common.h`; the distributions are ours.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from enum import Enum

from server.engine.scheduler import BatchPlan
from server.engine.slot import Slot
from server.engine.snapshot import Counters
from server.engine.snapshot import Distribution

WAITS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
GAPS_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0)
REQUESTS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class End(Enum):
    """How a request ended."""

    EOS = "eos"
    WORD = "word"
    LIMIT = "limit"
    CANCELLED = "cancelled"
    """Its client went away."""
    FAILED = "failed"
    REFUSED = "refused"
    """It never got a slot."""


class Histogram:
    """Counts durations between fixed bounds."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self.total += seconds

    def frozen(self) -> Distribution:
        """A frozen copy."""
        return Distribution(self._bounds, tuple(self._counts), self.total)


class Stats:
    """Plain counters; `counters()` freezes them."""

    def __init__(self) -> None:
        self.n_prompt = 0
        self.prompt_s = 0.0
        self.n_prompt_cached = 0
        self.n_predicted = 0
        self.n_steps = 0
        self.n_busy_slots = 0
        self.n_tokens_max = 0
        self.n_preempted = 0
        self.n_embedded = 0
        self.ended: Counter[End] = Counter()
        self._queue = Histogram(WAITS_S)
        self._first_token = Histogram(WAITS_S)
        self._gaps = Histogram(GAPS_S)
        self._requests = Histogram(REQUESTS_S)

    def add_step(self, plan: BatchPlan, seconds: float, now: float) -> None:
        """A batch was decoded in so many seconds; every slot whose logits it has gets a token."""
        n_prompt = plan.n_prefill if plan.chunks else 0
        self.n_steps += 1
        self.n_busy_slots += len(plan.decoding) + len(plan.chunks)
        if n_prompt:
            self.n_prompt += n_prompt
            self.prompt_s += seconds
        longest = self.n_tokens_max
        for slot in plan.decoding:
            self._gaps.add(now - slot.generation.t_last)
            if slot.sequence.n_tokens >= longest:
                longest = slot.sequence.n_tokens + 1
        self.n_tokens_max = longest
        self.n_predicted += len(plan.decoding)
        for chunk in plan.chunks:
            self.n_tokens_max = max(self.n_tokens_max, chunk.start + chunk.n)
            if chunk.wants_logits and chunk.slot.generation.n_remaining != 0:
                self.n_predicted += 1
                self._first_token.add(now - chunk.slot.t_submitted)

    def add_begun(self, slot: Slot, now: float) -> None:
        """A request has its prefix, and its prompt may be computed."""
        self.n_prompt_cached += slot.n_cached
        self._queue.add(now - slot.t_submitted)

    def add_ended(self, slot: Slot, end: End, now: float) -> None:
        """A request left its slot."""
        self.ended[end] += 1
        self._requests.add(now - slot.t_submitted)

    def add_embedding_step(self, n_tokens: int, seconds: float) -> None:
        """A batch of texts was embedded."""
        self.n_steps += 1
        self.n_prompt += n_tokens
        self.prompt_s += seconds

    def add_embedded(self, seconds: float) -> None:
        """A text was embedded, so many seconds after it was handed in."""
        self.n_embedded += 1
        self._requests.add(seconds)

    def counters(self) -> Counters:
        """A frozen copy."""
        return Counters(
            self.n_prompt,
            self.prompt_s,
            self.n_prompt_cached,
            self.n_predicted,
            self._gaps.total,
            self.n_steps,
            self.n_busy_slots,
            self.n_tokens_max,
            self.n_preempted,
            (*((end.value, self.ended[end]) for end in End), ("embedded", self.n_embedded)),
            self._queue.frozen(),
            self._first_token.frozen(),
            self._gaps.frozen(),
            self._requests.frozen(),
        )
