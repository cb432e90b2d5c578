"""The line that the log gets for every request that ends: what it cost, and why it ended.

It says nothing of what was asked or answered.
"""

from __future__ import annotations

from typing import NamedTuple

from server.engine.slot import Slot
from server.engine.stats import End

LOGGER = "llamactl.requests"


class Line(NamedTuple):
    """A line for the log, and the HTTP request that it is about."""

    text: str
    request_id: str


def line(slot: Slot, end: End, now: float, reason: str = "") -> Line:
    """`request 7 (chatcmpl-x) slot 0: prompt 40 tokens (32 cached) in 12.0 ms, ...`"""
    timings, task = slot.timings, slot.task
    assert task is not None
    name = f"request {task.id} ({task.cmpl_id})" if task.cmpl_id else f"request {task.id}"
    n_new, prompt_ms = timings.n_prompt_processed, timings.prompt_ms
    n_gaps, predicted_ms = timings.n_decoded - 1, timings.predicted_ms
    text = (
        f"{name} slot {slot.id}:"
        f" prompt {len(task.prompt)} tokens ({timings.n_prompt_cached} cached)"
        f" in {prompt_ms:.1f} ms{_rate(n_new, prompt_ms)};"
        f" generated {timings.n_decoded} in {predicted_ms:.1f} ms{_rate(n_gaps, predicted_ms)};"
        f" {(now - slot.t_submitted) * 1e3:.1f} ms in all; {_why(slot, end)}"
        + (f": {reason}" if reason else "")
    )
    return Line(text, task.request_id)


def _rate(n: int, ms: float) -> str:
    return f" ({n / ms * 1e3:.1f}/s)" if n > 0 and ms > 0 else ""


def _why(slot: Slot, end: End) -> str:
    match end:
        case End.EOS:
            return "ended by itself"
        case End.WORD:
            return "stopped at a stop string"
        case End.LIMIT:
            is_cut = slot.generation.truncated
            return "stopped at the end of the context" if is_cut else "stopped at its limit"
        case End.CANCELLED:
            return "the client went away"
        case End.FAILED | End.REFUSED:
            return "failed"
