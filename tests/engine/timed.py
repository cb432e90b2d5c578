"""A runner whose batches take time on the bench's clock: so much each, and so much each row."""

from __future__ import annotations

from dataclasses import dataclass

from server.engine.config import EngineConfig
from server.engine.task import Token
from tests.engine.conftest import Bench
from tests.fakes import FakeRunner


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds."""

    batch_s: float = 0.010
    row_s: float = 0.001


class TimedRunner(FakeRunner):
    """See the module's docstring."""

    def __init__(self, cost: Cost, **overrides: object) -> None:
        super().__init__(**overrides)  # type: ignore[arg-type]
        self.cost = cost
        self.bench: Bench | None = None
        self.steps: list[tuple[int, float]] = []
        """Of every batch: rows and seconds."""

    def decode(self) -> None:
        """Compute, and let the time pass that it costs."""
        super().decode()
        seconds = self.cost.batch_s + self.cost.row_s * len(self.rows)
        self.steps.append((len(self.rows), seconds))
        if self.bench is not None:
            self.bench.now += seconds


def timed_bench(cost: Cost, max_step_ms: float = 100.0, **overrides: object) -> Bench:
    """A bench with room for long prompts over a runner that costs."""
    sizes: dict[str, object] = {"n_ctx": 5000, "n_ctx_slot": 1500, "n_batch": 512, "n_cells": 5000}
    runner = TimedRunner(cost, **(sizes | overrides))
    bench = Bench(runner, EngineConfig(max_step_ms=max_step_ms))
    runner.bench = bench
    return bench


def steps(bench: Bench) -> list[tuple[int, float]]:
    """Rows and seconds of every batch so far."""
    assert isinstance(bench.runner, TimedRunner)
    return bench.runner.steps


def n_streamed(bench: Bench, task_id: int) -> int:
    """Tokens that a stream received so far."""
    return sum(isinstance(event, Token) for event in bench.events.get(task_id, []))
