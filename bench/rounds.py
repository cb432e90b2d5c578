"""The order of a comparison, and its turns: every scenario on every server, round by round.

With two servers the order is A B, B A, A B, ...: whatever grows or fades on the machine meets both
alike. It does not know how servers are started or how figures are shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeVar

from bench.agreement import compare
from bench.agreement import sample
from bench.client import Client
from bench.client import connect
from bench.errors import ScenarioFailed
from bench.errors import ServerNotReady
from bench.report import Turn
from bench.scenario import Better
from bench.scenario import Load
from bench.scenario import Metric
from bench.scenario import Outcome
from bench.scenarios import sizes
from bench.scenarios.start import Start
from bench.servers import Target
from bench.usage import Usage
from bench.usage import usage_of

# What every scenario reports of servers that were started here.
CPU = Metric("cpu_s_per_1000", "CPU per 1,000 tokens", "s", Better.LOWER)
PEAK_RSS = Metric("peak_rss_mib", "peak RSS", "MiB", Better.LOWER)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run."""

    loads: tuple[Load, ...]
    rounds: int = 3
    seed: int = 1
    limit_s: float = 600.0  # of one turn
    settle_s: float = 0.3  # of silence before each turn
    api_key: str | None = None
    may_differ: bool = False
    is_strict: bool = False  # the servers take OpenAI's own fields only


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears of every turn."""

    begin: Callable[[str, str, int], None]  # scenario, server, round
    done: Callable[[Turn], None]


def turn_order(items: Sequence[T], round_index: int) -> list[T]:
    """The items, in every second round backwards."""
    return list(items) if round_index % 2 == 0 else list(reversed(items))


async def measure(targets: Sequence[Target], plan: Plan, listener: Listener) -> None:
    """Run the plan. ServersDiffer before the first turn of a scenario that shows it.

    A server that fails a scenario ends it for both: further figures would have no partner.
    """
    agreed = set()
    for load in plan.loads:
        answer = load.scenario.answer
        if len(targets) == 2 and not plan.may_differ and answer not in agreed:
            if not await _agree(load, targets, plan, listener):
                continue
            agreed.add(answer)
        await _rounds(load, targets, plan, listener)


def _client(target: Target, plan: Plan) -> AbstractAsyncContextManager[Client]:
    return connect(target.url, plan.api_key, model=target.model_id, is_strict=plan.is_strict)


async def _agree(load: Load, targets: Sequence[Target], plan: Plan, listener: Listener) -> bool:
    """Whether both can answer; ServersDiffer if they can, and do not agree."""
    samples = []
    for target in targets:
        try:
            async with _client(target, plan) as client:
                asked = sample(client, load.scenario.answer)
                samples.append(await asyncio.wait_for(asked, plan.limit_s))
        except (ScenarioFailed, asyncio.TimeoutError, LookupError) as failure:
            listener.done(_failed(load, target, 0, failure, plan))
    if len(samples) < len(targets):
        return False
    compare(*samples)
    return True


async def _rounds(load: Load, targets: Sequence[Target], plan: Plan, listener: Listener) -> None:
    for round_index in range(plan.rounds):
        for target in turn_order(targets, round_index):
            listener.begin(load.title, target.name, round_index)
            turn = await _turn(load, target, plan, round_index)
            listener.done(turn)
            if turn.failure:
                return


async def _turn(load: Load, target: Target, plan: Plan, round_index: int) -> Turn:
    """Both servers get the same seed in a round; rounds get different ones, so none is cached."""
    await asyncio.sleep(plan.settle_s)
    before = usage_of(target.pid) if target.pid else None
    try:
        outcome = await asyncio.wait_for(_run(load, target, plan, round_index), plan.limit_s)
    except (ScenarioFailed, ServerNotReady, asyncio.TimeoutError, LookupError) as failure:
        return _failed(load, target, round_index, failure, plan)
    after = usage_of(target.pid) if target.pid else None
    return Turn(
        load.scenario.name,
        sizes(load.scenario),
        target.name,
        round_index,
        swept=load.swept,
        values={**outcome.values, **_costs(outcome, before, after)},
        gaps_ms=tuple(round(gap, 3) for gap in outcome.gaps_ms),
        note=outcome.note,
    )


async def _run(load: Load, target: Target, plan: Plan, round_index: int) -> Outcome:
    seed = plan.seed + round_index
    if isinstance(load.scenario, Start):
        return await load.scenario.start(target.launch, seed)
    async with _client(target, plan) as client:
        return await load.scenario.run(client, seed)


def _failed(load: Load, target: Target, round_index: int, failure: Exception, plan: Plan) -> Turn:
    match failure:
        case asyncio.TimeoutError():
            why = f"not done after {plan.limit_s:g} s (--limit)"
        case LookupError():
            why = f"an answer of the server lacks {failure}"
        case _:
            why = str(failure)
    name, shown = load.scenario.name, sizes(load.scenario)
    return Turn(name, shown, target.name, round_index, failure=why, swept=load.swept)


def _costs(outcome: Outcome, before: Usage | None, after: Usage | None) -> dict[str, float]:
    if before is None or after is None:
        return {}
    costs = {PEAK_RSS.key: after.peak_rss_mib}
    if outcome.n_tokens:
        costs[CPU.key] = (after.cpu_s - before.cpu_s) / outcome.n_tokens * 1000
    return costs
