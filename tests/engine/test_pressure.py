"""What happens when cells run short, and when a context is full. Nobody loses text by it."""

from __future__ import annotations

import pytest

from server.engine.config import EngineConfig
from server.engine.task import ErrorKind
from server.engine.task import Failed
from server.engine.task import Progress
from server.engine.task import StopType
from server.engine.task import Task
from server.engine.task import Token
from tests.engine.conftest import Bench
from tests.engine.conftest import shifted
from tests.engine.test_engine import MakeBench
from tests.engine.test_prefix import n_cached

SHIFTS = EngineConfig(context_shift=True)
N_CTX = 32


def all_given_back(b: Bench) -> bool:
    """Whether every cell is free once the idle sequences are forgotten."""
    while b.engine.memory.evict_oldest():
        pass
    return b.engine.memory.cells.n_used == b.runner.n_used == b.runner.n_samplers == 0


def test_the_least_recently_used_of_the_retained_sequences_goes_first(bench: MakeBench) -> None:
    b = bench(n_slots=1, n_seq=8, n_cells=100, n_ctx_slot=60)
    for letter in "abc":
        b.generate(letter * 30, n_predict=1)
    b.generate("a" * 29 + "~", n_predict=1)
    b.generate("d" * 30, n_predict=1)
    assert b.generate("c" * 30, n_predict=0).timings.n_prompt_cached == 29
    assert b.generate("a" * 30, n_predict=0).timings.n_prompt_cached == 29
    assert b.generate("b" * 30, n_predict=0).timings.n_prompt_cached == 0


def test_retained_sequences_go_before_a_running_request_waits(bench: MakeBench) -> None:
    b = bench(n_slots=2, n_cells=60, n_ctx_slot=60)
    b.generate("r" * 25, n_predict=1)
    tasks = [b.submit(letter * 10, n_predict=15) for letter in "ab"]
    b.run()
    assert [len(b.text(task)) for task in tasks] == [15, 15]
    assert b.engine.slots.stats.n_preempted == 0
    assert all_given_back(b)


@pytest.mark.parametrize("host_cache_bytes", [0, 500, None])
def test_requests_that_do_not_fit_together_say_what_they_say_alone(
    bench: MakeBench, host_cache_bytes: int | None
) -> None:
    config = EngineConfig(host_cache_bytes=host_cache_bytes)
    letters, n_predict = "abcd", 35
    alone = [bench().generate(letter * 15, n_predict=n_predict).text for letter in letters]
    b = bench(n_cells=70, config=config)
    tasks = [b.submit(letter * 15, n_predict=n_predict, stream=True) for letter in letters]
    b.run()
    assert b.engine.slots.stats.n_preempted > 0
    assert [b.text(task) for task in tasks] == alone
    assert all_given_back(b)


def test_it_is_the_youngest_request_that_waits(bench: MakeBench) -> None:
    b = bench(n_cells=60, n_ctx_slot=60)
    old = b.submit("a" * 20, n_predict=30)
    young = b.submit("b" * 20, n_predict=30)
    b.run()
    assert b.finished(old).timings.predicted_ms < b.finished(young).timings.predicted_ms
    alone = bench(n_cells=60, n_ctx_slot=60)
    task = alone.submit("a" * 20, n_predict=30)
    alone.run()
    took, alone_took = b.finished(old).timings, alone.finished(task).timings
    assert took.predicted_ms == pytest.approx(alone_took.predicted_ms)


def test_a_preempted_request_counts_its_prompt_once(bench: MakeBench) -> None:
    b = bench(n_cells=60, n_ctx_slot=60, config=EngineConfig(host_cache_bytes=None))
    tasks = [b.submit(letter * 20, n_predict=30) for letter in "ab"]
    b.run()
    assert [n_cached(b, task) for task in tasks] == [0, 0]
    assert [b.finished(task).timings.n_decoded for task in tasks] == [30, 30]


@pytest.mark.parametrize("host_cache_bytes", [0, None])
def test_a_prompt_that_was_preempted_is_not_cached_and_begins_once(
    bench: MakeBench, host_cache_bytes: int | None
) -> None:
    config = EngineConfig(max_step_ms=1e-3, host_cache_bytes=host_cache_bytes)
    b = bench(n_cells=80, n_ctx_slot=60, n_batch=4, config=config)
    b.submit("a" * 20, n_predict=39)
    b.tick(6)
    young = b.submit("b" * 50, n_predict=2, stream=True, return_progress=True)
    b.run()
    stats = b.engine.slots.stats
    assert stats.n_preempted == 1
    timings = b.finished(young).timings
    assert (timings.n_prompt_cached, timings.n_prompt_processed) == (0, 50)
    assert timings.prompt_ms > 1.0
    progress = [event for event in b.events[young.id] if isinstance(event, Progress)]
    assert [event.n_cached for event in progress] == [0] * len(progress)
    assert [event.n_processed for event in progress].count(0) == 1
    counters = stats.counters()
    assert counters.n_prompt_cached == 0
    assert sum(counters.queue.counts) == 2


def test_a_cancelled_request_that_was_preempted_leaves_nothing(bench: MakeBench) -> None:
    b = bench(n_cells=60, n_ctx_slot=60, config=EngineConfig(host_cache_bytes=None))
    old, young = (b.submit(letter * 20, n_predict=30) for letter in "ab")
    while not b.engine.slots.stats.n_preempted:
        b.tick()
    b.cancel(young)
    b.run()
    assert len(b.text(old)) == 30
    assert young.id not in b.events
    assert all_given_back(b)


def test_a_full_context_without_shift_is_truncated(bench: MakeBench) -> None:
    b = bench(n_ctx_slot=N_CTX)
    result = b.generate("a" * 20)
    assert (result.stop_type, result.truncated) == (StopType.LIMIT, True)
    assert len(result.text) == N_CTX - 20
    assert all_given_back(b)


@pytest.mark.parametrize(
    ("n_keep", "n_discard"), [(0, 0), (5, 0), (-1, 0), (0, 3), (5, 100), (N_CTX, 0)]
)
def test_a_full_context_is_shifted_by_the_references_rule(
    bench: MakeBench, n_keep: int, n_discard: int
) -> None:
    b = bench(n_ctx_slot=N_CTX, config=SHIFTS)
    prompt = "0123456789"
    result = b.generate(prompt, n_predict=100, n_keep=n_keep, n_discard=n_discard)
    assert result.text == shifted(prompt.encode(), 100, N_CTX, n_keep, n_discard)
    assert (result.stop_type, result.truncated) == (StopType.LIMIT, True)
    assert all_given_back(b)


def test_requests_that_share_a_prefix_are_shifted_apart(bench: MakeBench) -> None:
    b = bench(n_ctx_slot=N_CTX, config=SHIFTS)
    prompts = ["the same beginning " + end for end in ("a", "b")]
    tasks = [b.submit(prompt, n_predict=60) for prompt in prompts]
    b.run()
    assert n_cached(b, tasks[1]) == 19
    expected = [shifted(prompt.encode(), 60, N_CTX) for prompt in prompts]
    assert [b.text(task) for task in tasks] == expected


@pytest.mark.parametrize("n_seq", [2, 6])
@pytest.mark.parametrize("host_cache_bytes", [0, None])
def test_a_shift_that_finds_no_room_for_its_own_cells_waits_and_loses_nothing(
    bench: MakeBench, n_seq: int, host_cache_bytes: int | None
) -> None:
    config = EngineConfig(context_shift=True, host_cache_bytes=host_cache_bytes)
    b = bench(n_slots=2, n_seq=n_seq, n_ctx_slot=N_CTX, n_cells=N_CTX + 6, config=config)
    prompts = ["the same long beginning of " + end for end in ("a", "b")]
    tasks = [b.submit(prompt, n_predict=60) for prompt in prompts]
    b.run()
    assert b.engine.slots.stats.n_preempted > 0
    expected = [shifted(prompt.encode(), 60, N_CTX) for prompt in prompts]
    assert [b.text(task) for task in tasks] == expected


def said(b: Bench, task: Task) -> str:
    """What a streaming task that runs has said so far."""
    events = b.events.get(task.id, [])
    return "".join(event.text for event in events if isinstance(event, Token))


@pytest.mark.parametrize("host_cache_bytes", [0, None])
@pytest.mark.parametrize("n_endless", [1, 2])
def test_streams_without_an_end_make_way_for_those_that_wait_for_cells(
    bench: MakeBench, n_endless: int, host_cache_bytes: int | None
) -> None:
    config = EngineConfig(context_shift=True, host_cache_bytes=host_cache_bytes)
    b = bench(n_slots=4, n_ctx_slot=64, n_cells=64, config=config)
    prompts = ["a" * 20, "b" * 15][:n_endless]
    endless = [b.submit(prompt, stream=True, t_submitted=b.now) for prompt in prompts]
    large = b.submit("c" * 40, n_predict=20, t_submitted=b.now)
    b.tick(100)
    late = [b.submit(letter * 45, n_predict=5, t_submitted=b.now) for letter in "de"]
    b.tick(1500)
    assert [len(b.text(task)) for task in (large, *late)] == [20, 5, 5]
    for prompt, task in zip(prompts, endless, strict=True):
        text = said(b, task)
        assert len(text) > 300
        assert text == shifted(prompt.encode(), len(text), 64)
    b.cancel(*endless)
    b.run()
    assert all_given_back(b)


def test_a_stream_that_shifts_all_the_time_does_not_make_way_all_the_time(
    bench: MakeBench,
) -> None:
    b = bench(n_slots=3, n_ctx_slot=64, n_cells=144, config=SHIFTS)
    for letter in "abc":
        b.submit(letter * 50, n_discard=1, t_submitted=b.now)
    b.tick(400)
    assert 10 < b.engine.slots.stats.n_preempted < 200


def test_a_stream_without_an_end_keeps_its_cells_while_nobody_waits(bench: MakeBench) -> None:
    b = bench(n_slots=2, n_ctx_slot=N_CTX, n_cells=2 * N_CTX, config=SHIFTS)
    endless = b.submit("a" * 20, stream=True)
    others = [b.submit("b" * 10, n_predict=3) for _ in range(5)]
    b.tick(200)
    assert [len(b.text(task)) for task in others] == [3] * 5
    assert len(said(b, endless)) > 190
    assert b.engine.slots.stats.n_preempted == 0


def test_a_prompt_that_fills_the_context_is_refused_with_shift_too(bench: MakeBench) -> None:
    b = bench(n_ctx_slot=N_CTX, config=SHIFTS)
    task = b.submit("x" * N_CTX)
    b.run()
    error = b.last(task)
    assert isinstance(error, Failed)
    assert (error.kind, error.n_prompt, error.n_ctx) == (
        ErrorKind.EXCEED_CONTEXT_SIZE,
        N_CTX,
        N_CTX,
    )
    assert str(N_CTX) in error.message
    assert b.runner.batches == []
