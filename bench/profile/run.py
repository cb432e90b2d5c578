"""Profiles of this llamactl: streams on a server that traces its steps."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.client import connect
from bench.errors import ScenarioFailed
from bench.profile.threads import cpu_by_thread
from bench.profile.threads import used
from bench.profile.trace import Step
from bench.profile.trace import read
from bench.profile.trace import steady
from bench.scenario import Outcome
from bench.scenarios.steady import Steady
from bench.servers import Target
from bench.servers import ours
from bench.servers import running

LEAST_STEPS = 8


@dataclass(frozen=True, slots=True)
class Load:
    """The server, and what it is to do."""

    model: Path
    options: str
    scenario: Steady
    rounds: int
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """The steps in which all streams ran, and the processor time of all of it."""

    steps: tuple[Step, ...]
    n_tokens: int
    cpu_s: dict[str, float]  # by what threads are for


def profile(load: Load) -> Measured:
    """Start a server, put the load on it, stop it, read its trace. ScenarioFailed."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        trace = folder / "steps.jsonl"
        launch = ours(load.options, ["-m", str(load.model), "--step-trace", str(trace)])
        with running(launch, folder / "log") as target:
            n_tokens, cpu_s = asyncio.run(_run(target, load))
        with trace.open("rb") as lines:
            steps = steady(read(lines), load.scenario.streams)
    if len(steps) < LEAST_STEPS:
        raise ScenarioFailed(
            f"only {len(steps)} steps had {load.scenario.streams} streams; are there so many slots?"
        )
    return Measured(tuple(steps), n_tokens, cpu_s)


def rounds(load: Load, streams: Sequence[int], tell: Callable[[str], None]) -> list[Measured]:
    """A profile for each number of streams."""
    found = []
    for n in streams:
        tell(f"{n} streams")
        scenario = Steady(n, load.scenario.words, load.scenario.tokens)
        found.append(profile(Load(load.model, load.options, scenario, load.rounds, load.seed)))
    return found


async def _run(target: Target, load: Load) -> tuple[int, dict[str, float]]:
    before = cpu_by_thread(target.pid or 0)
    outcomes: list[Outcome] = []
    async with connect(target.url) as client:
        for i in range(load.rounds):
            outcomes.append(await load.scenario.run(client, load.seed + i))
    after = cpu_by_thread(target.pid or 0)
    return sum(outcome.n_tokens for outcome in outcomes), used(before, after)
