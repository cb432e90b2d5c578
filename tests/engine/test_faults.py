"""What goes wrong in one request ends that request alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from server.engine.config import EngineConfig
from server.engine.errors import NO_NUMBER
from server.engine.errors import BadLogits
from server.engine.errors import BadSampling
from server.engine.modelinfo import Pooling
from server.engine.slot import SlotState
from server.engine.task import ErrorKind
from server.engine.task import Failed
from server.engine.task import SamplingParams
from server.engine.task import Task
from tests.engine.conftest import Bench
from tests.engine.conftest import shifted
from tests.fake_sampler import FakeSampler
from tests.fakes import FakeRunner
from tests.fakes import next_letter

MakeBench = Callable[..., Bench]


def failure(bench: Bench, task: Task) -> Failed:
    event = bench.last(task)
    assert isinstance(event, Failed), event
    return event


def test_batch_that_fails_once_costs_no_request(bench: MakeBench) -> None:
    alone = [bench().generate(text, n_predict=9).text for text in ("hello", "other")]
    b = bench()
    tasks = [b.submit(text, n_predict=9) for text in ("hello", "other")]
    for step in range(9):
        if step % 2:
            b.runner.fail_next = "Compute error."
        b.tick()
    b.run()
    assert [b.text(task) for task in tasks] == alone


def test_request_that_fails_again_alone_ends_alone(bench: MakeBench) -> None:
    b = bench()
    tasks = [b.submit(text, n_predict=5) for text in ("hello", "w!rld", "other")]
    b.runner.fail_tokens = frozenset(b"!")
    b.run()
    assert failure(b, tasks[1]).message == "broken token"
    assert failure(b, tasks[1]).kind is ErrorKind.SERVER
    assert [len(b.text(task)) for task in (tasks[0], tasks[2])] == [5, 5]


def test_prompt_that_fails_does_not_end_a_stream(bench: MakeBench) -> None:
    b = bench()
    stream = b.submit("hello", n_predict=9, stream=True)
    b.tick(3)
    culprit = b.submit("w!")
    b.runner.fail_tokens = frozenset(b"!")
    b.run()
    assert failure(b, culprit)
    assert b.text(stream) == bench().generate("hello", n_predict=9).text


def test_nothing_of_a_failed_batch_stays_in_memory(bench: MakeBench) -> None:
    b = bench()
    b.submit("w!rld and more")
    b.runner.fail_tokens = frozenset(b"!")
    b.run()
    assert b.runner.n_used == b.engine.memory.cells.n_used == 0


def test_what_could_not_be_undone_ends_its_request(bench: MakeBench) -> None:
    b = Bench(FakeRunner(next_letter, can_cut=False))
    long, short = b.submit("first", n_predict=20), b.submit("second one", n_predict=20)
    b.tick(2)
    b.runner.fail_next = "Compute error."
    b.run()
    ends = {type(b.last(task)).__name__ for task in (long, short)}
    assert "Failed" in ends
    assert b.runner.n_samplers == 0
    assert len(b.generate("later", n_predict=5).text) == 5


def test_every_request_ends_where_every_batch_fails(bench: MakeBench) -> None:
    b = bench()
    tasks = [b.submit(text) for text in ("hello", "world")]
    b.runner.fail_tokens = frozenset(b"l")
    b.run()
    assert [failure(b, task).message for task in tasks] == ["broken token"] * 2
    b.runner.fail_tokens = frozenset()
    assert len(b.generate(n_predict=5).text) == 5


def fails_after(text: bytes) -> Callable[[list[int]], int]:
    """The letters of next_letter, but no number where the tokens begin with text."""

    def rule(tokens: list[int]) -> int:
        if bytes(tokens[: len(text)]) == text and len(tokens) > len(text) + 2:
            raise BadLogits(NO_NUMBER)
        return next_letter(tokens)

    return rule


def test_output_that_is_no_number_ends_its_request_alone(bench: MakeBench) -> None:
    b = bench(fails_after(b"bad"))
    bad, good = b.submit("bad"), b.submit("good", n_predict=8)
    b.run()
    assert "no number" in failure(b, bad).message
    assert len(b.text(good)) == 8


def test_what_runs_beside_it_is_computed_again_and_says_the_same(bench: MakeBench) -> None:
    texts = ("good", "other words")
    alone = [bench(fails_after(b"bad")).generate(text, n_predict=9).text for text in texts]
    b = bench(fails_after(b"bad"))
    tasks = [b.submit(text, n_predict=9, stream=True) for text in texts]
    b.tick(2)
    b.submit("bad")
    b.run()
    assert [b.text(task) for task in tasks] == alone
    assert b.runner.n_wiped > 0


def spoils_once(is_due: list[bool]) -> Callable[[list[int]], int]:
    """As next_letter, but no number once as soon as that is due."""

    def rule(tokens: list[int]) -> int:
        if is_due[0]:
            is_due[0] = False
            raise BadLogits(NO_NUMBER)
        return next_letter(tokens)

    return rule


def test_request_that_resumes_beside_it_says_what_it_says_alone(bench: MakeBench) -> None:
    requests = (("first", 60), ("second" * 4, 20), ("third" * 4, 30))
    alone = [bench(n_ctx_slot=100).generate(text, n_predict=n).text for text, n in requests]
    spoiled = [False]
    sizes = {"n_cells": 90, "n_ctx_slot": 100, "n_batch": 5}
    b = bench(spoils_once(spoiled), **sizes, config=EngineConfig(max_step_ms=1e-3))
    tasks = [b.submit(text, n_predict=n) for text, n in requests]
    b.tick()
    young = b.engine.slots.busy[-1]
    while not (young.state is SlotState.PREFILL and young.generation.n_decoded):
        b.tick()
    assert young.sequence.n_tokens < len(young.target)
    spoiled[0] = True
    b.run()
    assert b.runner.n_wiped > 0
    assert [b.text(task) for task in tasks] == alone


def test_request_that_was_to_be_shifted_is_shifted_after_it(bench: MakeBench) -> None:
    sizes = {"n_slots": 2, "n_seq": 2, "n_ctx_slot": 32, "n_cells": 38, "n_batch": 8}
    texts = {"embeds": True, "pooling": Pooling.LAST, "n_text_max": 8}
    b = bench(**sizes, **texts, config=EngineConfig(context_shift=True))
    prompts = ["the same long beginning of " + end for end in ("a", "bb")]
    tasks = [b.submit(prompt, n_predict=60) for prompt in prompts]
    young = b.engine.slots.at(1)
    while not (young.state is SlotState.PREFILL and len(young.target) == 31):
        b.tick()
    embedder = b.runner.embedder
    assert embedder is not None
    embedder.nan_tokens = frozenset(b"!")
    b.embed("!")
    b.run()
    assert b.runner.n_wiped > 0
    assert [b.text(task) for task in tasks] == [shifted(p.encode(), 60, 32) for p in prompts]


def test_sampler_sees_a_prompt_once_that_is_computed_again(bench: MakeBench) -> None:
    b = bench(spoils_once([True]))
    b.submit("hello", sampling=SamplingParams(frequency_penalty=1.0))
    b.tick()
    sampler = b.engine.slots.at(0).sampler
    assert isinstance(sampler, FakeSampler)
    assert b.runner.n_wiped > 0
    assert bytes(sampler.accepted) == b"hello"


def test_suspects_that_do_not_fit_together_all_end_well(bench: MakeBench) -> None:
    requests = (("s", 30), ("a" * 38, 3), ("b" * 38, 3))
    alone = [bench(n_ctx_slot=60).generate(text, n_predict=n).text for text, n in requests]
    spoiled = [False]
    sizes = {"n_cells": 64, "n_ctx_slot": 60, "n_batch": 8}
    b = bench(spoils_once(spoiled), **sizes, config=EngineConfig(max_step_ms=1e-3))
    tasks = [b.submit(text, n_predict=n) for text, n in requests]
    while b.engine.slots.at(1).state is not SlotState.PREFILL:
        b.tick()
    spoiled[0] = True
    b.run()
    assert b.runner.n_wiped > 0
    assert [b.text(task) for task in tasks] == alone


def spoils_all(runner: FakeRunner) -> Callable[[list[int]], int]:
    """As next_letter, but no number for anybody while any cell holds an exclamation mark."""

    def rule(tokens: list[int]) -> int:
        if any(cell.token == ord("!") for cell in runner.memory.cells):
            raise BadLogits(NO_NUMBER)
        return next_letter(tokens)

    return rule


@pytest.mark.parametrize("culprit", ["!", "b!d", "short!", "a long prompt, in several parts!" * 3])
def test_culprit_ends_alone_where_its_memory_spoils_all_others(
    bench: MakeBench, culprit: str
) -> None:
    sizes = {"n_ctx": 1024, "n_ctx_slot": 256}
    texts = ("first", "another one")
    alone = [bench(**sizes).generate(text, n_predict=9).text for text in texts]
    b = bench(**sizes)
    b.runner.rule = spoils_all(b.runner)
    tasks = [b.submit(text, n_predict=9, stream=True) for text in texts]
    b.tick(3)
    bad = b.submit(culprit)
    b.run()
    assert failure(b, bad).message == NO_NUMBER
    assert [b.text(task) for task in tasks] == alone
    counts = [b.finished(task).timings for task in tasks]
    assert [each.n_decoded for each in counts] == [9, 9]
    assert b.runner.n_used == b.engine.memory.cells.n_used


def test_several_culprits_end_and_nobody_else(bench: MakeBench) -> None:
    b = bench(n_slots=5, n_ctx=1024, n_ctx_slot=128)
    b.runner.rule = spoils_all(b.runner)
    words = ("good", "b!d", "fine", "worse!", "best")
    tasks = [b.submit(word, n_predict=5) for word in words]
    b.run()
    ends = [isinstance(b.last(task), Failed) for task in tasks]
    assert ends == ["!" in word for word in words]


def test_nothing_old_is_left_after_it(bench: MakeBench) -> None:
    b = bench(fails_after(b"bad"))
    b.generate("retained words")
    b.submit("bad")
    b.run()
    assert b.runner.n_used == b.engine.memory.cells.n_used == 0
    assert b.generate("retained words").timings.n_prompt_cached == 0


def test_grammar_without_a_way_out_forgets_nothing(bench: MakeBench) -> None:
    def rule(tokens: list[int]) -> int:
        if tokens[0] == ord("!"):
            raise BadSampling("the grammar allows none of the candidates")
        return next_letter(tokens)

    b = bench(rule)
    b.generate("retained words", n_predict=1)
    failed = b.submit("!")
    b.run()
    assert failure(b, failed)
    assert b.runner.n_wiped == 0
    assert b.generate("retained words", n_predict=1).timings.n_prompt_cached > 0


def test_nobody_shares_what_led_to_no_number(bench: MakeBench) -> None:
    b = bench(fails_after(b"bad"))
    b.submit("bad")
    b.run()
    assert b.generate("bad", n_predict=1).timings.n_prompt_cached == 0


def test_grammar_that_can_not_be_read_ends_its_request_alone(bench: MakeBench) -> None:
    b = bench()
    good = b.submit("good", n_predict=8)
    b.tick(2)
    bad = b.submit("bad", sampling=SamplingParams(grammar="bad"))
    b.run()
    assert failure(b, bad).kind is ErrorKind.INVALID_REQUEST
    assert len(b.text(good)) == 8


@pytest.mark.parametrize("n_requests", [1, 3])
def test_failed_batches_are_tried_again_only_once(bench: MakeBench, n_requests: int) -> None:
    b = bench()
    for i in range(n_requests):
        b.submit(f"w!{i}")
    b.runner.fail_tokens = frozenset(b"!")
    b.tick()
    assert b.engine.is_idle
