"""What the engine shows of itself: slots, counters and distributions, as of its last step.

Every value here is frozen, so that handlers may read it on any thread without a lock. It knows
neither how it is collected (`stats`) nor how it is rendered (`server/api`). Answers to
`server_task_result_metrics` and the slots' JSON in llama.cpp `tools/server/server-task.h`.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.engine.task import Task
from server.engine.task import Timings


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where a prompt parted from the sequence that shared the longest prefix with it."""

    n_shared: int
    held: int
    """The token that the sequence holds there."""
    wanted: int
    """The token that the prompt has there."""


@dataclass(frozen=True, slots=True, eq=False)
class SlotSnapshot:
    """What one slot looked like after the last step; read by /slots without the engine."""

    id: int
    n_ctx: int
    is_processing: bool
    task: Task | None
    """The running task, else the last one."""
    n_tokens: int
    """Tokens in the slot's sequence."""
    has_next_token: bool
    has_new_line: bool
    n_remaining: int
    timings: Timings
    divergence: Divergence | None
    text: str
    """What was generated so far (the last task's whole text when idle)."""
    checkpoints: tuple[int, ...] = ()
    """Numbers of leading tokens to which the sequence can go back, where it can't be cut."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Durations in seconds, counted by how long they were."""

    bounds: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    """How many were at most bounds[i], and above the one before; the last are above them all."""
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Counters:
    """Cumulative since start; durations in seconds."""

    n_prompt: int = 0
    prompt_s: float = 0.0
    n_prompt_cached: int = 0
    n_predicted: int = 0
    predicted_s: float = 0.0
    n_steps: int = 0
    n_busy_slots: int = 0
    """Sum over steps of the slots that were busy."""
    n_tokens_max: int = 0
    n_preempted: int = 0
    """Requests that gave up their cells for a while."""
    n_ended: tuple[tuple[str, int], ...] = ()
    """Requests by how they ended."""
    queue: Distribution = Distribution()
    """From being handed in to the first prompt token."""
    first_token: Distribution = Distribution()
    """From being handed in to the first token."""
    gaps: Distribution = Distribution()
    """From one token of a request to its next."""
    requests: Distribution = Distribution()
    """From being handed in to the end."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The engine as of its last step. Published by replacing one reference, so it costs no lock."""

    slots: tuple[SlotSnapshot, ...]
    n_waiting: int
    counters: Counters
    n_cells: int = 0
    n_used_cells: int = 0
