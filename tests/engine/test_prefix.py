"""Who shares whose leading tokens: any sequence with any other, and what keeps requests apart."""

from __future__ import annotations

import pytest

from server.engine.task import Task
from tests.engine.conftest import Bench
from tests.engine.test_engine import MakeBench

PREFIX = "a conversation that goes on for a while, "
N_PREFIX = len(PREFIX)


def computed(b: Bench) -> int:
    """Prompt tokens that were computed so far."""
    return b.engine.slots.stats.n_prompt


def n_cached(b: Bench, task: Task) -> int:
    """Tokens that a finished task took; those that it computed make up the rest of its prompt."""
    timings = b.finished(task).timings
    assert timings.n_prompt_cached + timings.n_prompt_processed == len(task.prompt)
    return timings.n_prompt_cached


def is_prefilling(b: Bench, task: Task) -> bool:
    """Whether part of the task's prompt, but not all, is computed."""
    (slot,) = [slot for slot in b.engine.slots.busy if slot.task_id == task.id]
    return 0 < slot.sequence.n_tokens < len(task.prompt)


def test_an_idle_slot_gives_as_many_tokens_as_are_equal(bench: MakeBench) -> None:
    b = bench(n_slots=1, n_seq=1)
    b.generate(PREFIX + "one", n_predict=3)
    for n_equal in (N_PREFIX, 17, 3, 1):
        task = b.submit(PREFIX[:n_equal] + "~" * 5, n_predict=0)
        b.run()
        assert n_cached(b, task) == n_equal


def test_a_retained_sequence_that_no_slot_has_gives_its_tokens(bench: MakeBench) -> None:
    b = bench(n_slots=1, n_seq=3)
    first = b.generate(PREFIX + "one", n_predict=3)
    b.generate("of something else altogether", n_predict=3)
    assert len(b.engine.memory.retained) == 1
    again = b.submit(PREFIX + "one" + first.text + "more", n_predict=3)
    b.run()
    assert n_cached(b, again) == N_PREFIX + 3 + 2  # the last token was sampled and never computed


def test_generated_tokens_are_shared_as_well_as_prompts(bench: MakeBench) -> None:
    b = bench()
    first = b.generate("hello", n_predict=10)
    task = b.submit("hello" + first.text[:7] + "!", n_predict=1)
    b.run()
    assert n_cached(b, task) == len("hello") + 7


def test_a_running_request_gives_its_tokens_and_runs_on(bench: MakeBench) -> None:
    alone = bench().generate(PREFIX + "one", n_predict=20).text
    b = bench(n_batch=64)
    first = b.submit(PREFIX + "one", n_predict=20)
    b.tick(3)
    used = b.runner.n_used
    second = b.submit(PREFIX + "two", n_predict=1)
    b.tick()
    # its own row, and the three tokens of "two": the prefix takes no cells again
    assert b.runner.n_used == used + 1 + 3
    b.run()
    assert n_cached(b, second) == N_PREFIX
    assert b.text(first) == alone


def test_a_request_waits_for_a_prefix_that_is_being_computed(bench: MakeBench) -> None:
    b = bench(n_batch=16, n_ctx_slot=100)
    first = b.submit(PREFIX + "one", n_predict=4)
    b.tick()
    assert is_prefilling(b, first)
    second = b.submit(PREFIX + "two", n_predict=4)
    b.run()
    assert (n_cached(b, first), n_cached(b, second)) == (0, N_PREFIX)
    assert computed(b) == N_PREFIX + 3 + 3


def test_a_waiting_request_starts_as_soon_as_its_prefix_is_there(bench: MakeBench) -> None:
    b = bench(n_batch=16, n_ctx_slot=256)
    first = b.submit(PREFIX + "x" * 150, n_predict=1)
    second = b.submit(PREFIX + "two", n_predict=1)
    b.tick(4)
    assert is_prefilling(b, first)
    assert n_cached(b, second) == N_PREFIX


@pytest.mark.parametrize("end", ["cancelled", "failed"])
def test_a_waiting_request_goes_on_by_itself_when_the_producer_ends(
    bench: MakeBench, end: str
) -> None:
    alone = bench(n_ctx_slot=100).generate(PREFIX + "two", n_predict=4).text
    b = bench(n_batch=16, n_ctx_slot=100)
    b.runner.fail_tokens = frozenset(b"#")
    first = b.submit(PREFIX + "#", n_predict=4)
    second = b.submit(PREFIX + "two", n_predict=4)
    b.tick()
    assert is_prefilling(b, first)
    if end == "cancelled":
        b.cancel(first)
    b.run()
    assert b.text(second) == alone
    # what the cancelled one computed may be taken; what failed can't be trusted
    assert n_cached(b, second) == (16 if end == "cancelled" else 0)


def test_one_of_many_waiting_requests_takes_over_when_the_producer_ends(bench: MakeBench) -> None:
    b = bench(n_batch=16, n_ctx_slot=100, n_slots=4)
    first = b.submit(PREFIX, n_predict=1)
    others = [b.submit(PREFIX + name, n_predict=1) for name in ("ten", "six", "five")]
    b.tick()
    b.cancel(first)
    b.run()
    assert [n_cached(b, task) for task in others] == [16, N_PREFIX, N_PREFIX]


def test_equal_prompts_that_come_together_are_computed_once(bench: MakeBench) -> None:
    # as the tasks of one request with n_cmpl = 4
    b = bench(n_slots=4)
    tasks = [b.submit(PREFIX, n_predict=5) for _ in range(4)]
    b.run()
    assert [n_cached(b, task) for task in tasks] == [0, *[N_PREFIX - 1] * 3]
    assert computed(b) == N_PREFIX + 3
    assert len({b.text(task) for task in tasks}) == 1


def test_a_prompt_that_is_held_whole_computes_its_last_token(bench: MakeBench) -> None:
    b = bench()
    for n_held in (N_PREFIX, N_PREFIX - 1):
        task = b.submit(PREFIX, n_predict=2)
        b.run()
        assert n_cached(b, task) == (0 if n_held == N_PREFIX else n_held)
