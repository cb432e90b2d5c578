"""LoRA adapters in the engine: who may share a batch, who may share a prefix, whose turn it is.

The fake runner refuses a sequence whose cells were computed with different adapters, unless these
are leading bare cells before an activated LoRA.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import pytest

from server.engine.config import EngineConfig
from server.engine.scheduler import TURN_S
from server.engine.sequence import NO_LIMIT
from server.engine.sequence import Scope
from server.engine.task import Adapters
from server.engine.task import Task
from tests.engine.conftest import Bench

MakeBench = Callable[..., Bench]

PLAIN: Adapters = ((0, 1.0),)
HALF: Adapters = ((0, 0.5),)
ACTIVATED: Adapters = ((1, 1.0),)
TURN = round(TURN_S / 0.001)
"""Steps of a turn, where a step takes a millisecond."""

PROMPT = "once upon a time, there was a fox"


def turns(b: Bench, n: int) -> list[Adapters]:
    """The adapters of the next n steps."""
    seen = []
    for _ in range(n):
        b.tick()
        seen.append(b.runner.adapters)
    return seen


def n_cached(b: Bench, **fields: object) -> int:
    """Tokens of PROMPT that a request with these fields need not compute."""
    return b.generate(PROMPT, n_predict=2, **fields).timings.n_prompt_cached


def cells_of(b: Bench, task: Task) -> list[Adapters]:
    """What each token of a running request was computed with."""
    slot = next(slot for slot in b.engine.slots.busy if slot.task is task)
    return [cell.adapters for cell in b.runner.memory.of(slot.sequence.id)]


# batches


def test_one_batch_has_one_set_of_adapters(bench: MakeBench) -> None:
    b = bench(n_ctx_slot=1000, n_ctx=10_000)
    tasks = [b.submit(f"{i}", adapters=sets) for i, sets in enumerate(((), PLAIN, HALF, PLAIN))]
    b.tick(4 * TURN)
    assert [set(cells_of(b, task)) for task in tasks] == [{()}, {PLAIN}, {HALF}, {PLAIN}]
    assert max(b.runner.batches) == 2


def test_equal_sets_share_every_step(bench: MakeBench) -> None:
    b = bench()
    for i in range(4):
        b.submit(f"{i}", adapters=PLAIN)
    b.tick(10)
    assert b.runner.batches == [4] * 10


def test_sets_take_turns_of_equal_length(bench: MakeBench) -> None:
    b = bench(n_ctx_slot=1000, n_ctx=10_000)
    for i, adapters in enumerate(((), PLAIN, HALF)):
        b.submit(f"{i}", adapters=adapters)
    seen = turns(b, 4 * 3 * TURN)
    lengths = [(adapters, len(list(steps))) for adapters, steps in groupby(seen)][:-1]
    assert len(lengths) == 11
    assert all(n in (TURN, TURN + 1) for _, n in lengths)
    assert [adapters for adapters, _ in lengths[:6]] == [(), HALF, PLAIN, (), HALF, PLAIN]


def test_a_crowd_of_one_set_does_not_slow_another_down(bench: MakeBench) -> None:
    b = bench(n_ctx_slot=1000, n_ctx=10_000)
    for i in range(3):
        b.submit(f"{i}", adapters=PLAIN)
    alone = b.submit("alone", n_predict=100)
    b.tick(2 * 100 + 2 * TURN)
    assert b.finished(alone).timings.n_decoded == 100


def test_sets_that_keep_coming_starve_nobody(bench: MakeBench) -> None:
    b = bench(n_slots=3)
    patient = b.submit("patient", n_predict=40, adapters=((0, 9.0),))
    for i in range(20 * TURN):
        b.submit(f"{i}", n_predict=2, adapters=((0, 1.0 + i / 1000),))
        b.tick()
    assert b.finished(patient).timings.n_decoded == 40


def test_a_set_that_ends_gives_its_turn_away_at_once(bench: MakeBench) -> None:
    b = bench()
    b.submit("a", n_predict=3, adapters=PLAIN)
    b.submit("b", n_predict=9, adapters=HALF)
    assert turns(b, 12) == [HALF] * 9 + [PLAIN] * 3


def test_a_set_whose_prompt_must_wait_gets_no_empty_turn(bench: MakeBench) -> None:
    b = bench(config=EngineConfig(joins_running=False))
    running = b.submit("a", n_predict=50, adapters=PLAIN)
    b.tick()
    b.submit("b", n_predict=2, adapters=HALF)
    b.tick(49)
    assert b.finished(running).timings.n_decoded == 50


def test_all_texts_are_as_if_alone(bench: MakeBench) -> None:
    sets = ((), PLAIN, HALF, ACTIVATED)
    b = bench()
    tasks = [b.submit(f"prompt {i}", n_predict=9, adapters=each) for i, each in enumerate(sets)]
    b.run()
    alone = [bench().generate(f"prompt {i}", n_predict=9).text for i in range(4)]
    assert [b.text(task) for task in tasks] == alone


# prefixes


@pytest.mark.parametrize("other", [(), HALF, ((0, 1.0), (1, 1.0))])
def test_a_prefix_never_crosses_sets(bench: MakeBench, other: Adapters) -> None:
    b = bench()
    b.generate(PROMPT, n_predict=2, adapters=PLAIN)
    assert n_cached(b, adapters=other) == 0
    assert n_cached(b, adapters=PLAIN) == len(PROMPT) - 1


def test_a_prefix_in_host_memory_never_crosses_sets(bench: MakeBench) -> None:
    b = bench(config=EngineConfig(host_cache_bytes=None), n_slots=1, n_cells=70, n_seq=1)
    b.generate(PROMPT, n_predict=2, adapters=PLAIN)
    b.generate("x" * 60, n_predict=2)
    assert n_cached(b) == 0
    b.generate("x" * 60, n_predict=2)
    assert n_cached(b, adapters=PLAIN) == len(PROMPT) - 1


def test_a_prefix_under_way_is_not_waited_for_by_another_set(bench: MakeBench) -> None:
    b = bench(n_batch=8)
    b.submit(PROMPT, adapters=PLAIN)
    other = b.submit(PROMPT, n_predict=2)
    b.tick(2)
    assert set(cells_of(b, other)) == {()}


# activated


def test_an_activated_adapter_acts_from_its_invocation_on(bench: MakeBench) -> None:
    b = bench()
    task = b.submit(PROMPT, adapters=ACTIVATED, n_bare=20)
    b.tick(5)
    assert cells_of(b, task)[:20] == [()] * 20
    assert set(cells_of(b, task)[20:]) == {ACTIVATED}


def test_what_is_bare_is_shared_with_the_base_in_both_directions(bench: MakeBench) -> None:
    b = bench()
    b.generate(PROMPT, n_predict=2)
    assert n_cached(b, adapters=ACTIVATED, n_bare=20) == 20
    b = bench()
    b.generate(PROMPT, n_predict=2, adapters=ACTIVATED, n_bare=20)
    assert n_cached(b) == 20


def test_an_activated_request_shares_all_with_its_like(bench: MakeBench) -> None:
    b = bench()
    b.generate(PROMPT, n_predict=2, adapters=ACTIVATED, n_bare=20)
    assert n_cached(b, adapters=ACTIVATED, n_bare=20) == len(PROMPT) - 1


def test_one_that_is_activated_later_shares_what_was_bare(bench: MakeBench) -> None:
    b = bench()
    b.generate(PROMPT, n_predict=2, adapters=ACTIVATED, n_bare=9)
    assert n_cached(b, adapters=ACTIVATED, n_bare=20) == 9


def test_a_bare_beginning_joins_the_batches_of_the_base(bench: MakeBench) -> None:
    b = bench()
    b.submit("base")
    b.submit(PROMPT, adapters=ACTIVATED, n_bare=20)
    b.tick()
    assert (b.runner.adapters, b.runner.batches) == ((), [4 + 20])


def test_a_context_shift_moves_the_invocation_too(bench: MakeBench) -> None:
    b = bench(config=EngineConfig(context_shift=True))
    task = b.submit(PROMPT, n_predict=60, adapters=ACTIVATED, n_bare=20)
    b.tick(45)
    (slot,) = b.engine.slots.busy
    n_bare = slot.scope.n_bare
    assert slot.generation.truncated
    assert n_bare < 20
    assert cells_of(b, task)[:n_bare] == [()] * n_bare
    assert () not in cells_of(b, task)[n_bare:]


def test_a_preempted_request_keeps_its_boundary(bench: MakeBench) -> None:
    b = bench(n_slots=2, n_cells=80, n_ctx_slot=64)
    b.submit("a" * 20, n_predict=40)
    task = b.submit(PROMPT, n_predict=25, adapters=ACTIVATED, n_bare=20)
    b.run()
    assert b.engine.slots.stats.n_preempted
    assert b.text(task) == bench().generate(PROMPT, n_predict=25).text


# scopes


@pytest.mark.parametrize(
    ("one", "other", "n"),
    [
        (Scope(), Scope(), NO_LIMIT),
        (Scope("salt"), Scope(), 0),
        (Scope("", PLAIN), Scope("", PLAIN), NO_LIMIT),
        (Scope("", PLAIN), Scope("", HALF), 0),
        (Scope("", PLAIN), Scope(), 0),
        (Scope("", ACTIVATED, 7), Scope(), 7),
        (Scope("", ACTIVATED, 7), Scope("", ACTIVATED, 7), NO_LIMIT),
        (Scope("", ACTIVATED, 7), Scope("", ACTIVATED, 5), 5),
        (Scope("", ACTIVATED, 7), Scope("", PLAIN), 0),
        (Scope("salt", ACTIVATED, 7), Scope("", ACTIVATED, 7), 0),
    ],
)
def test_what_two_scopes_have_in_common(one: Scope, other: Scope, n: int) -> None:
    assert (one.n_common(other), other.n_common(one)) == (n, n)


@pytest.mark.parametrize(("start", "end", "left"), [(0, 3, 4), (5, 9, 5), (8, 9, 7), (7, 8, 7)])
def test_removed_positions_move_the_boundary(start: int, end: int, left: int) -> None:
    assert Scope("", ACTIVATED, 7).without(start, end).n_bare == left
