"""The engine's behaviour without a model: batching, limits, failures, cancellation, stopping."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from server.engine.config import EngineConfig
from server.engine.task import ErrorKind
from server.engine.task import Failed
from server.engine.task import Progress
from server.engine.task import SamplingParams
from server.engine.task import StopType
from server.engine.task import Token
from tests.engine.conftest import Bench
from tests.fakes import says

MakeBench = Callable[..., Bench]


def test_a_task_generates_until_its_limit(bench: MakeBench) -> None:
    result = bench().generate(n_predict=5)
    assert len(result.text) == 5
    assert result.stop_type is StopType.LIMIT
    assert not result.truncated


def test_a_task_ends_at_the_end_of_generation_token(bench: MakeBench) -> None:
    result = bench(says(b"hi there")).generate()
    assert (result.text, result.stop_type) == ("hi there", StopType.EOS)


def test_a_stop_string_that_spans_tokens_is_cut_off(bench: MakeBench) -> None:
    result = bench(says(b"one two three")).generate(stop=("two",))
    assert (result.text, result.stop_type, result.stopping_word) == ("one ", StopType.WORD, "two")


def test_a_stream_says_the_same_as_a_whole_answer(bench: MakeBench) -> None:
    text = "snow ☃ and <e a smile 🙂"
    whole = bench(says(text.encode())).generate(stop=("<end>",))
    b = bench(says(text.encode()))
    task = b.submit(stop=("<end>",), stream=True)
    b.run()
    streamed = "".join(e.text for e in b.events[task.id] if isinstance(e, Token))
    assert streamed + b.finished(task).text == whole.text == text


def test_text_held_for_a_stop_string_is_sent_when_a_limit_ends_the_stream(bench: MakeBench) -> None:
    b = bench(says(b"abc<en"))
    task = b.submit(stop=("<end>",), stream=True, n_predict=6)
    b.run()
    assert b.finished(task).text == "<en"


def test_a_full_context_ends_with_limit_and_truncated(bench: MakeBench) -> None:
    result = bench(n_ctx_slot=16).generate("0123456789")
    assert result.stop_type is StopType.LIMIT
    assert result.truncated
    assert result.n_cached_end == 15


def test_n_predict_zero_computes_the_prompt_and_generates_nothing(bench: MakeBench) -> None:
    b = bench()
    result = b.generate("hello", n_predict=0)
    assert (result.text, result.timings.n_decoded, result.n_cached_end) == ("", 0, 5)
    assert b.generate("hello world", n_predict=1).timings.n_prompt_cached == 5


@pytest.mark.parametrize("length", [64, 65, 200])
def test_a_prompt_over_the_context_is_refused_with_the_counts(
    bench: MakeBench, length: int
) -> None:
    b = bench(n_ctx_slot=64)
    other = b.submit(n_predict=20)
    task = b.submit("x" * length)
    b.run()
    error = b.last(task)
    assert isinstance(error, Failed)
    assert (error.kind, error.n_prompt, error.n_ctx) == (ErrorKind.EXCEED_CONTEXT_SIZE, length, 64)
    assert len(b.finished(other).text) == 20


@pytest.mark.parametrize("prompt", [[], [-1], [5, 258]])
def test_a_prompt_without_tokens_or_with_unknown_ones_is_refused(
    bench: MakeBench, prompt: list[int]
) -> None:
    b = bench()
    task = b.submit(prompt)
    b.run()
    error = b.last(task)
    assert isinstance(error, Failed)
    assert error.kind is ErrorKind.INVALID_REQUEST
    assert error.message.startswith("prompt:")


def test_a_bad_grammar_ends_that_request_alone(bench: MakeBench) -> None:
    b = bench()
    good = b.submit(n_predict=8)
    bad = b.submit(sampling=SamplingParams(grammar="bad"))
    b.run()
    assert isinstance(b.last(bad), Failed)
    assert len(b.finished(good).text) == 8


def test_all_streams_advance_in_every_step(bench: MakeBench) -> None:
    b = bench()
    tasks = [b.submit(f"prompt {i}", stream=True, n_predict=30) for i in range(4)]
    b.tick(10)
    counts = [sum(isinstance(e, Token) for e in b.events[t.id]) for t in tasks]
    # 4 prompts of 8 tokens fill one batch of 32
    assert counts == [10, 10, 10, 10]


def test_a_long_prompt_is_prefilled_in_chunks_while_others_decode(bench: MakeBench) -> None:
    b = bench(n_ctx_slot=128)
    fast = b.submit(stream=True, n_predict=100)
    b.tick(2)
    b.submit("y" * 100, n_predict=1)
    before = len(b.events[fast.id])
    b.tick(4)
    assert len(b.events[fast.id]) == before + 4
    assert max(b.runner.batches) <= 32


def test_more_tasks_than_slots_wait_their_turn(bench: MakeBench) -> None:
    b = bench(n_slots=2)
    tasks = [b.submit(f"{i}", n_predict=3) for i in range(9)]
    b.run()
    assert all(len(b.finished(t).text) == 3 for t in tasks)


def test_a_pinned_task_waits_for_its_slot_and_lets_others_pass(bench: MakeBench) -> None:
    b = bench(n_slots=2)
    first = b.submit(id_slot=0, n_predict=30)
    b.tick()
    pinned = b.submit(id_slot=0, n_predict=1)
    other = b.submit("other", n_predict=1)
    b.tick(3)
    assert b.finished(other).id_slot == 1
    assert pinned.id not in b.events
    b.run()
    assert b.finished(pinned).id_slot == b.finished(first).id_slot == 0


def test_an_equal_prefix_is_computed_once(bench: MakeBench) -> None:
    b = bench()
    first = b.generate("the same beginning", n_predict=4)
    second = b.generate("the same beginning, then more", n_predict=4)
    assert first.timings.n_prompt_cached == 0
    assert second.timings.n_prompt_cached == len("the same beginning")
    assert second.timings.n_prompt_processed == len(", then more")


def test_a_repeated_prompt_computes_its_last_token_again_and_says_the_same(
    bench: MakeBench,
) -> None:
    b = bench()
    first, second = b.generate(n_predict=9), b.generate(n_predict=9)
    assert second.timings.n_prompt_cached == 4
    assert second.text == first.text


def test_cache_prompt_false_computes_everything(bench: MakeBench) -> None:
    b = bench()
    b.generate(n_predict=4)
    assert b.generate(n_predict=4, cache_prompt=False).timings.n_prompt_cached == 0


def test_memory_that_cannot_be_cut_is_reused_only_when_it_is_extended(bench: MakeBench) -> None:
    b = bench(n_slots=1)
    b.runner.can_cut = False
    first = b.generate("abc", n_predict=3)
    held = bytes(b.runner.held(0)).decode()
    assert b.generate("abX", n_predict=1).timings.n_prompt_cached == 0
    assert first.n_cached_end == len(held)
    b.generate("abc", n_predict=3)
    assert b.generate(held + "more", n_predict=1).timings.n_prompt_cached == len(held)


@pytest.mark.parametrize("n_ticks", [0, 1, 2, 5])
def test_a_cancelled_task_frees_its_slot_at_any_moment(bench: MakeBench, n_ticks: int) -> None:
    b = bench(n_ctx_slot=200)
    task = b.submit("z" * 100, stream=True)
    b.tick(n_ticks)
    b.cancel(task)
    b.tick()
    assert b.engine.is_idle
    assert b.runner.n_samplers == 0
    assert len(b.generate("after", n_predict=3).text) == 3


def test_a_cancelled_task_that_waits_never_starts(bench: MakeBench) -> None:
    b = bench(n_slots=1)
    b.submit(n_predict=5)
    waiting = b.submit()
    b.cancel(waiting)
    b.run()
    assert waiting.id not in b.events


def test_a_full_memory_forgets_idle_sequences_first(bench: MakeBench) -> None:
    b = bench(n_cells=64, n_ctx_slot=60)
    b.generate("a" * 40, n_predict=2)
    assert len(b.generate("b" * 40, n_predict=10).text) == 10


@pytest.mark.parametrize("host_cache_bytes", [0, None])
def test_a_full_memory_makes_the_youngest_request_wait_and_nothing_is_lost(
    bench: MakeBench, host_cache_bytes: int | None
) -> None:
    config = EngineConfig(host_cache_bytes=host_cache_bytes)
    alone = bench(n_cells=60, n_ctx_slot=60).generate("b" * 20, n_predict=30)
    b = bench(n_cells=60, n_ctx_slot=60, config=config)
    old = b.submit("a" * 20, n_predict=30)
    young = b.submit("b" * 20, n_predict=30, stream=True)
    b.run()
    assert len(b.text(old)) == 30
    assert b.text(young) == alone.text
    assert b.engine.slots.stats.n_preempted > 0
    assert b.finished(young).timings.n_prompt_processed == 20


def test_progress_is_reported_from_zero_to_all(bench: MakeBench) -> None:
    b = bench(n_ctx_slot=200)
    task = b.submit("p" * 70, stream=True, return_progress=True, n_predict=1)
    b.run()
    steps = [e.n_processed for e in b.events[task.id] if isinstance(e, Progress)]
    assert steps == [0, 32, 64, 70]


def test_probabilities_come_with_each_token_when_asked_for(bench: MakeBench) -> None:
    result = bench(says(b"abc")).generate(sampling=SamplingParams(n_probs=2))
    assert [chr(p.id) for p in result.probs[:3]] == ["a", "b", "c"]
    assert len(result.probs[0].top) == 2


def test_the_chain_sees_as_much_of_the_prompt_as_its_penalties_remember(bench: MakeBench) -> None:
    b = bench()
    b.submit("0123456789", sampling=SamplingParams(repeat_last_n=4), n_predict=40)
    b.tick()
    sampler = b.engine.slots.busy[0].sampler
    assert bytes(sampler.accepted) == b"6789"  # type: ignore[union-attr]


def test_a_line_indented_too_little_ends_the_text_before_it(bench: MakeBench) -> None:
    result = bench(says(b"def f():\n    return 1\nx = 2\n")).generate(n_indent=4)
    assert result.text == "def f():\n    return 1\n"
    assert result.stop_type is StopType.LIMIT


def test_a_time_limit_ends_the_text_at_the_next_line(bench: MakeBench) -> None:
    b = bench(says(b"a\nbbbbbbbbbbbbbbb\ncccc\ndddd"))
    result = b.generate(t_max_predict_ms=5)
    assert result.text == "a\nbbbbbbbbbbbbbbb\n"


def test_a_stopping_engine_admits_nothing_and_ends_streams_properly(bench: MakeBench) -> None:
    b = bench()
    running = b.submit(stream=True)
    b.tick(3)
    b.stop(grace_s=0.010)
    late = b.submit()
    b.tick(30)
    assert isinstance(b.last(late), Failed)
    assert b.finished(running).truncated
    assert b.engine.is_stopped


def test_a_stopping_engine_lets_short_requests_finish(bench: MakeBench) -> None:
    b = bench()
    running = b.submit(n_predict=5)
    b.tick()
    b.stop(grace_s=60)
    b.run()
    assert len(b.finished(running).text) == 5
    assert b.engine.is_stopped


def test_the_snapshot_shows_slots_without_asking_the_engine(bench: MakeBench) -> None:
    b = bench(config=EngineConfig(show_text=True))
    task = b.submit("hello", n_predict=50)
    b.tick()
    busy = [s for s in b.mailbox.board.snapshot.slots if s.is_processing]
    assert [s.task for s in busy] == [task]
    b.run()
    assert not any(s.is_processing for s in b.mailbox.board.snapshot.slots)
    assert b.mailbox.board.snapshot.counters.n_predicted == 50


def test_every_sampler_chain_is_freed(bench: MakeBench) -> None:
    b = bench(n_slots=3)
    for i in range(20):
        b.submit(f"{i}", n_predict=i)
    b.run()
    assert b.runner.n_samplers == 0
