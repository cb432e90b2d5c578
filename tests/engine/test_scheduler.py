"""How prefill shares steps with streams and with other prefills, on a clock that is simulated."""

from __future__ import annotations

import pytest

from server.engine.budget import MIN_PLAUSIBLE_S
from server.engine.budget import N_MIN
from server.engine.budget import PATIENCE
from server.engine.budget import UNKNOWN_ROW_S
from server.engine.budget import UNKNOWN_STEP_S
from server.engine.budget import PrefillBudget
from tests.engine.conftest import Bench
from tests.engine.timed import Cost
from tests.engine.timed import n_streamed
from tests.engine.timed import steps
from tests.engine.timed import timed_bench


def with_a_stream(cost: Cost, max_step_ms: float = 100.0, **overrides: object) -> Bench:
    """A bench where a stream is live and the budget has seen a prompt beside it."""
    b = timed_bench(cost, max_step_ms, **overrides)
    b.submit("s", stream=True, n_predict=1000)
    b.tick(3)
    learning = b.submit("l" * 400, n_predict=1)
    while learning.id not in b.events:
        b.tick()
    return b


@pytest.mark.parametrize("row_s", [0.0005, 0.001, 0.004])
@pytest.mark.parametrize("max_step_ms", [100.0, 200.0])
def test_no_step_takes_longer_than_asked_while_a_stream_runs(
    row_s: float, max_step_ms: float
) -> None:
    b = with_a_stream(Cost(row_s=row_s), max_step_ms)
    before = len(steps(b))
    long = b.submit("p" * 1200, n_predict=1)
    while long.id not in b.events:
        b.tick()
    longest = max(seconds for _, seconds in steps(b)[before:])
    assert longest * 1e3 <= 1.05 * max_step_ms
    assert n_streamed(b, 0) == len(steps(b))  # a token in every step


def test_a_stream_does_not_stop_a_prompt_whatever_a_token_costs() -> None:
    b = with_a_stream(Cost(row_s=0.05), 100.0)
    before = len(steps(b))
    long = b.submit("p" * (10 * N_MIN), n_predict=1)
    while long.id not in b.events:
        b.tick()
    assert len(steps(b)) - before == 10


def test_without_streams_a_step_takes_the_whole_batch() -> None:
    b = timed_bench(Cost(row_s=0.01))
    b.submit("p" * 1100, n_predict=1)
    b.run()
    assert [n for n, _ in steps(b)] == [512, 512, 76]


def test_zero_switches_the_limit_off() -> None:
    b = timed_bench(Cost(row_s=0.01), max_step_ms=0)
    b.submit("s", stream=True, n_predict=100)
    b.tick(3)
    b.submit("p" * 800, n_predict=1)
    b.tick()
    assert steps(b)[-1][0] == 512


def test_the_grant_follows_what_a_token_costs() -> None:
    budget = PrefillBudget(0.1)
    for _ in range(50):
        budget.observe(1, 0, 0.05)
        budget.observe(1, 40, 0.09)
    slow = budget.grant(n_streams=1, n_prompts=1, n_batch=2048)
    for _ in range(50):
        budget.observe(1, 40, 0.07)
    fast = budget.grant(n_streams=1, n_prompts=1, n_batch=2048)
    # 50 ms are left; a token costs 1 ms, then half of that
    assert abs(slow - 50) <= 1
    assert abs(fast - 100) <= 2


def test_more_prompts_than_streams_get_more_of_a_step() -> None:
    budget = PrefillBudget(0.1)
    for _ in range(50):
        budget.observe(1, 0, 0.008)
        budget.observe(1, 40, 0.048)
    grants = {
        counts: budget.grant(n_streams=counts[0], n_prompts=counts[1], n_batch=2048)
        for counts in ((4, 1), (4, 4), (4, 8), (1, 7))
    }
    # of 32 ms a stream's step takes 8; with twice the prompts prefill takes 48; never above 100 ms
    assert [grants[4, 1], grants[4, 4]] == [24, 24]
    assert abs(grants[4, 8] - 48) <= 1
    assert abs(grants[1, 7] - 92) <= 1


def test_the_shortest_prompt_is_computed_first() -> None:
    b = timed_bench(Cost(), n_slots=4)
    lengths = (1000, 600, 200)
    long, middle, short = (b.submit(chr(97 + i) * n, n_predict=1) for i, n in enumerate(lengths))
    ended: list[int] = []
    while len(ended) < 3:
        b.tick()
        ended += [task_id for task_id in b.events if task_id not in ended]
    assert ended == [short.id, middle.id, long.id]


def test_what_remains_counts_and_not_what_was_asked() -> None:
    b = timed_bench(Cost(), n_slots=4)
    nearly_done = b.submit("a" * 1100, n_predict=1)
    b.tick(2)  # 76 tokens are left
    b.submit("b" * 300, n_predict=1)
    b.tick()
    assert nearly_done.id in b.events


def test_a_long_prompt_does_not_starve_under_short_ones() -> None:
    b = timed_bench(Cost(), n_slots=4, n_batch=128)
    long = b.submit("l" * 1000, n_predict=1)
    for n_steps in range(1000):
        # enough short prompts come to fill every step
        if len(b.engine.waiting) < 2:
            for i in range(2):
                b.submit([n_steps % 250, i, *[7] * 100], n_predict=1)
        b.tick()
        if long.id in b.events:
            break
    # it is worth as much as a new short one once it has waited for 900 tokens' time; from then on
    # it is first
    assert long.id in b.events
    assert n_steps < 40


def test_streams_advance_evenly_while_prompts_come() -> None:
    b = timed_bench(Cost(), n_slots=4)
    tasks = [b.submit(f"stream {i}", stream=True, n_predict=200) for i in range(3)]
    b.tick(2)
    for i in range(8):
        b.submit([i, *[5] * 300], n_predict=1)
    b.tick(30)
    assert len({n_streamed(b, task.id) for task in tasks}) == 1


def test_a_step_may_take_twenty_times_what_was_measured() -> None:
    budget = PrefillBudget(0.1)
    assert budget.plausible_s(10) == UNKNOWN_STEP_S
    assert budget.plausible_s(1000) == 1000 * UNKNOWN_ROW_S
    budget.observe(0, 100, 100.0)
    assert budget.plausible_s(200) == pytest.approx(PATIENCE * 200.0)
    quick = PrefillBudget(0.1)
    quick.observe(0, 100, 0.01)
    assert quick.plausible_s(100) == MIN_PLAUSIBLE_S
