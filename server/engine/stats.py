"""Counters of the engine, cumulative since its start. Engine thread only; read via Snapshot.

Answers to `server_metrics` of llama.cpp `tools/server/server-common.h`.
"""

from __future__ import annotations

from server.engine.scheduler import BatchPlan
from server.engine.slot import Slot
from server.engine.task import Counters


class Stats:
    """Plain counters; `counters()` freezes them."""

    def __init__(self) -> None:
        self.n_prompt = 0
        self.prompt_s = 0.0
        self.n_prompt_cached = 0
        self.n_predicted = 0
        self.predicted_s = 0.0
        self.n_steps = 0
        self.n_busy_slots = 0
        self.n_tokens_max = 0
        self.n_preempted = 0

    def add_step(self, plan: BatchPlan, seconds: float) -> None:
        """A batch was decoded in so many seconds."""
        n_prompt = plan.n_prefill
        self.n_steps += 1
        self.n_busy_slots += len(plan.decoding) + len(plan.chunks)
        if n_prompt:
            self.n_prompt += n_prompt
            self.prompt_s += seconds

    def add_finished(self, slot: Slot) -> None:
        """A request ended by itself."""
        self.n_predicted += slot.n_decoded
        self.predicted_s += slot.timings.predicted_ms / 1e3
        self.n_tokens_max = max(self.n_tokens_max, slot.sequence.n_tokens)

    def counters(self) -> Counters:
        """A frozen copy."""
        return Counters(
            self.n_prompt,
            self.prompt_s,
            self.n_prompt_cached,
            self.n_predicted,
            self.predicted_s,
            self.n_steps,
            self.n_busy_slots,
            self.n_tokens_max,
            self.n_preempted,
        )
