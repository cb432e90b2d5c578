"""The engine's own knobs, as the options set them; sizes come from the runner's ModelInfo."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """See the module. Times in seconds or, where the name says so, milliseconds; sizes in bytes."""

    slot_prompt_similarity: float = 0.1
    host_cache_bytes: int | None = 0
    """Room for prompt states in host memory; None = no limit, 0 = keep none."""
    cache_idle_slots: bool = True
    """Whether idle sequences that slow the running ones down move to the host cache."""
    compact_bytes: int = 0
    """What may be copied to put the cells of a request that begins alone in order; 0 = nothing."""
    max_step_ms: float = 100.0
    """What a step may take while streams are live; limits its prefill. 0 = no limit."""
    n_checkpoints: int = 32
    """Of one sequence, where its memory can't be cut."""
    checkpoint_min_step: int = 8192
    """The distance of checkpoints in tokens where no turn ends; 0 = none there."""
    joins_running: bool = True
    """Whether new prompts are computed while others generate, or wait until all of them end."""
    queue_timeout_s: float = 0.0
    """How long a task may wait for a slot; 0 = as long as it must."""
    context_shift: bool = False
    """Whether a full context forgets its older half instead of ending the generation."""
    show_text: bool = False
    """Whether snapshots carry the generated text (a debugging aid)."""
    step_trace: str = ""
    """The file that each step's times are written to; empty = none is."""
