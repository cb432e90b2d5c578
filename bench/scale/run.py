"""The rounds of a curve: this server and libllama's own figure, in turn, for every value.

The figures of libllama are turns of a server of that name, so that the report's tables, ratios and
pictures hold both. Curves whose scenario is not a matter of decoding alone have none.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
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
from bench.scale.limit import Limit
from bench.scale.limit import ask
from bench.scale.limit import ask_llama_bench
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
LLAMA_BENCH = "llama-bench"


@dataclass(frozen=True, slots=True)
class Beside:
    """What is measured in turn with the server, and with how many threads."""

    n_threads: int
    llama_bench: Path | None = None
    """llama.cpp's own tool, where there is one; it knows one row only."""


def run(
    stages: Sequence[Stage], plan: Plan, options: str, beside: Beside, tell: Listener
) -> Report:
    """Measure all stages; a server is started for each. ServerNotReady, ModelMissing."""
    report = Report(machine.look(), [])
    for stage in stages:
        model = str(models.resolve(stage.model))
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
            given = f"-c {stage.n_ctx} -np {stage.n_slots} -t {beside.n_threads} {options}"
            server = running(ours(given, ["-m", model]), Path(folder) / "log")
            target = stack.enter_context(server)
            if not report.servers:
                report.servers = [asyncio.run(facts(target)), *_library(stage, beside)]
            try:
                for round_index in range(plan.rounds):
                    _round(stage, target, plan, round_index, _Asker(model, beside), report, tell)
            except KeyboardInterrupt:  # what was measured until then is kept
                return report
    return report


class _Asker:
    """Knows what a load asks of libllama."""

    def __init__(self, model: str, beside: Beside) -> None:
        self._model, self._beside = model, beside

    def turns(self, load: Load, stage: Stage, n_prompt: int, round_index: int) -> list[Turn]:
        """libllama's figures; none where the load is no matter of decoding alone."""
        scenario = load.scenario
        if not isinstance(scenario, Steady):
            return []
        # the middle of the stream is what the rate of all of it is that of
        n_context = n_prompt + scenario.tokens // 2
        n_rows = min(scenario.streams, stage.n_slots)
        asked = Asked(self._model, n_rows, n_context, stage.n_ctx, self._beside.n_threads)
        found = [self._turn(LIBRARY, load, n_rows, round_index, lambda: ask(asked))]
        program = self._beside.llama_bench
        if program and n_rows == 1:
            found.append(
                self._turn(
                    LLAMA_BENCH, load, 1, round_index, lambda: ask_llama_bench(program, asked)
                )
            )
        return found

    def _turn(
        self, name: str, load: Load, n_rows: int, round_index: int, figure: Callable[[], Limit]
    ) -> Turn:
        values, failure = {}, ""
        try:
            limit = figure()
            values[STEADY_TOKENS_PER_S.key] = limit.tokens_per_s(n_rows)
            values[STEP_MS.key] = limit.step_s * MS_PER_S
        except ScenarioFailed as error:
            failure = str(error)
        shown, scenario = sizes(load.scenario), load.scenario.name
        return Turn(scenario, shown, name, round_index, values, failure=failure, swept=load.swept)


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
        for each in (turn, *asker.turns(load, stage, n_prompt, round_index)):
            report.turns.append(replace(each, round=round_index, gaps_ms=()))
            tell.done(report.turns[-1])


def _library(stage: Stage, beside: Beside) -> list[ServerFacts]:
    if not isinstance(stage.loads[0].scenario, Steady):
        return []
    found = [ServerFacts(LIBRARY, "", f"llama_decode alone, {beside.n_threads} threads")]
    if beside.llama_bench:
        found.append(ServerFacts(LLAMA_BENCH, "", f"{beside.llama_bench.name} -p 0 -n N -d N -r 1"))
    return found
