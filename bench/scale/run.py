"""The rounds of a curve: this server and libllama's own figure, in turn, for every value.

The figures of libllama are turns of a server of that name, so that the report's tables, ratios and
pictures hold both. Curves whose scenario is not a matter of decoding alone have none.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench import machine
from bench import models
from bench.errors import ScenarioFailed
from bench.facts import facts
from bench.report import Report
from bench.report import ServerFacts
from bench.report import Turn
from bench.rounds import Listener
from bench.rounds import Plan
from bench.rounds import measure
from bench.scale.curves import Stage
from bench.scale.limit import Asked
from bench.scale.limit import ask
from bench.scenario import MS_PER_S
from bench.scenario import Load
from bench.scenarios import sizes
from bench.scenarios.steady import N_PROMPT
from bench.scenarios.steady import STEADY_TOKENS_PER_S
from bench.scenarios.steady import STEP_MS
from bench.scenarios.steady import Steady
from bench.servers import Target
from bench.servers import ours
from bench.servers import running

LIBRARY = "libllama"


def run(
    stages: Sequence[Stage], plan: Plan, options: str, n_threads: int, tell: Listener
) -> Report:
    """Measure all stages; a server is started for each. ServerNotReady, ModelMissing."""
    report = Report(machine.look(), [])
    for stage in stages:
        model = str(models.resolve(stage.model))
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
            given = f"-c {stage.n_ctx} -np {stage.n_slots} -t {n_threads} {options}"
            server = running(ours(given, ["-m", model]), Path(folder) / "log")
            target = stack.enter_context(server)
            if not report.servers:
                report.servers = [asyncio.run(facts(target)), *_library(stage, n_threads)]
            for round_index in range(plan.rounds):
                _round(stage, target, plan, round_index, _Asker(model, n_threads), report, tell)
    return report


class _Asker:
    """Knows what a load asks of libllama."""

    def __init__(self, model: str, n_threads: int) -> None:
        self._model, self._n_threads = model, n_threads

    def turn(self, load: Load, stage: Stage, n_prompt: int, round_index: int) -> Turn | None:
        """libllama's figures; None where the load is no matter of decoding alone."""
        scenario = load.scenario
        if not isinstance(scenario, Steady):
            return None
        # the middle of the stream is what the rate of all of it is that of
        n_context = n_prompt + scenario.tokens // 2
        n_rows = min(scenario.streams, stage.n_slots)
        values, failure = {}, ""
        try:
            limit = ask(Asked(self._model, n_rows, n_context, stage.n_ctx, self._n_threads))
            values = {
                STEADY_TOKENS_PER_S.key: limit.tokens_per_s(n_rows),
                STEP_MS.key: limit.step_s * MS_PER_S,
            }
        except ScenarioFailed as error:
            failure = str(error)
        shown = sizes(scenario)
        return Turn(
            scenario.name, shown, LIBRARY, round_index, values, failure=failure, swept=load.swept
        )


def _round(
    stage: Stage,
    target: Target,
    plan: Plan,
    round_index: int,
    asker: _Asker,
    report: Report,
    tell: Listener,
) -> None:
    """Every load once, forwards in even rounds and backwards in odd ones."""
    loads = stage.loads if round_index % 2 == 0 else tuple(reversed(stage.loads))
    for load in loads:
        turns: list[Turn] = []
        tell.begin(load.title, target.name, round_index)
        once = Plan((load,), 1, plan.seed + round_index, plan.limit_s, settle_s=plan.settle_s)
        asyncio.run(measure([target], once, Listener(lambda *_: None, turns.append)))
        (turn,) = turns
        n_prompt = int(turn.values.get(N_PROMPT.key, 0))
        tell.begin(load.title, LIBRARY, round_index)
        for each in (turn, asker.turn(load, stage, n_prompt, round_index)):
            if each is not None:
                report.turns.append(_of_round(each, round_index))
                tell.done(report.turns[-1])


def _of_round(turn: Turn, round_index: int) -> Turn:
    return replace(turn, round=round_index, gaps_ms=())


def _library(stage: Stage, n_threads: int) -> list[ServerFacts]:
    if not isinstance(stage.loads[0].scenario, Steady):
        return []
    command = f"llama_decode alone, {n_threads} threads"
    return [ServerFacts(LIBRARY, "", command)]
