"""Who follows a request for a trace, where that is wanted: told of its tasks and of their events.

Without `--otel` there is nobody, and nothing is done. It knows no OpenTelemetry (`server.tracing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from flask import g
from flask import has_app_context

from server.engine.task import Event
from server.engine.task import Task


class Trace(Protocol):
    """One request that is followed."""

    def asked(self, job_id: str, tasks: Sequence[Task]) -> None:
        """These tasks are computed for it; job_id: what its client calls them."""
        ...

    def see(self, event: Event) -> None:
        """One of its tasks has come so far."""
        ...


def follow(trace: Trace) -> None:
    """From now on the request that is being handled is followed."""
    g.trace = trace


def current_trace() -> Trace | None:
    """Who follows the request that is being handled."""
    trace: Trace | None = g.get("trace") if has_app_context() else None
    return trace
