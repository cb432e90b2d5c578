"""Checkpoints: where prompts have them, which are kept, and what requests get of them."""

from __future__ import annotations

import time

import numpy as np
import pytest

from server.engine.checkpoints import END_MARGIN
from server.engine.checkpoints import MIN_GAP
from server.engine.checkpoints import Checkpoint
from server.engine.checkpoints import Checkpoints
from server.engine.checkpoints import Planner
from server.engine.checkpoints import latest
from server.engine.checkpoints import merged
from server.engine.checkpoints import n_bytes
from server.engine.checkpoints import thinned
from server.engine.checkpoints import until
from server.engine.config import EngineConfig
from tests.byte_tokenizer import ByteTokenizer
from tests.engine.conftest import Bench
from tests.engine.test_engine import MakeBench
from tests.fakes import BOS
from tests.fakes import EOS

SYSTEM = [BOS, *b"you are a helpful assistant", EOS]


def at(*places: int) -> Checkpoints:
    """Checkpoints of ten bytes each."""
    return tuple(Checkpoint(place, np.zeros(10, np.uint8)) for place in places)


def places(checkpoints: Checkpoints) -> list[int]:
    return [checkpoint.n_tokens for checkpoint in checkpoints]


def plan(
    prompt: list[int], limit: int = 32, min_step: int = 8192, turns: tuple[int, ...] = ()
) -> list[int]:
    planner = Planner(ByteTokenizer(), limit, min_step)
    return list(planner.plan(np.array(prompt, np.int32), turns))


# where


def test_turns_and_the_end_have_checkpoints() -> None:
    question = [BOS, *b"what is the meaning of it all?", EOS]
    prompt = SYSTEM + question + [BOS, *b"and why? " * 3]
    assert plan(prompt) == [len([*SYSTEM, BOS]), len(SYSTEM + question) + 1, len(prompt) - 4]


def test_a_turn_that_is_near_the_one_before_has_none() -> None:
    prompt = [*SYSTEM, *b"yes", EOS, *b"no", EOS, *(b"x" * MIN_GAP), EOS, *(b"y" * 30)]
    turns = [len(SYSTEM), len(SYSTEM) + 8 + MIN_GAP]
    assert plan(prompt) == [*turns, len(prompt) - END_MARGIN]


def test_long_turns_have_some_at_even_distances() -> None:
    prompt = [*b"x" * 1000, EOS, *b"y" * 500]
    assert plan(prompt, min_step=400) == [400, 800, 1001, 1401, 1501 - END_MARGIN]
    assert plan(prompt, min_step=0) == [1001, 1501 - END_MARGIN]


def test_turns_that_no_control_token_shows_have_one_where_they_begin() -> None:
    prompt = [*b"x" * 40, *b"y" * 40, EOS, *b"z" * 40]
    ends = [81, len(prompt) - END_MARGIN]
    assert plan(prompt) == ends
    assert plan(prompt, turns=(40,)) == [40, *ends]
    assert plan(prompt, turns=(20, 40, 60)) == [20, 40, 60, *ends]
    # near a control token that one counts
    assert plan(prompt, turns=(70, 80, 90)) == ends


def test_no_more_are_planned_than_are_kept() -> None:
    prompt = SYSTEM + 50 * [*b"a turn of twenty tokens", EOS] + [*b"x" * 20]
    planned = plan(prompt, limit=5)
    assert len(planned) == 5
    assert (planned[0], planned[-1]) == (len(SYSTEM), len(prompt) - END_MARGIN)


def test_a_prompt_of_very_many_turns_is_planned_at_once() -> None:
    prompt = SYSTEM + 20_000 * [*b"a turn of twenty tokens", EOS]
    started = time.process_time()
    planned = plan(prompt)
    assert time.process_time() - started < 0.5
    assert (len(planned), planned[0], planned[-1]) == (32, len(SYSTEM), len(prompt) - END_MARGIN)


@pytest.mark.parametrize(("prompt", "limit"), [(SYSTEM * 9, 0), ([*b"short"], 32)])
def test_there_may_be_none(prompt: list[int], limit: int) -> None:
    assert plan(prompt, limit=limit) == []


# which


def test_the_smallest_gaps_are_closed_first_and_the_ends_are_kept() -> None:
    assert places(thinned(at(10, 20, 100, 110, 200), 4)) == [10, 100, 110, 200]
    assert places(thinned(at(10, 20, 100, 110, 200), 3)) == [10, 110, 200]
    assert places(thinned(at(10, 20, 100, 110, 200), 1)) == [200]
    assert thinned(at(10), 0) == ()


def test_what_holds_for_a_prefix_is_what_lies_in_it() -> None:
    assert places(until(at(1, 5, 9), 5)) == [1, 5]
    found = latest(at(1, 5, 9), 8)
    assert found is not None
    assert found.n_tokens == 5
    assert latest(at(5), 4) is None


def test_a_state_that_two_sequences_have_counts_once() -> None:
    shared = at(1, 2)
    assert n_bytes([shared, shared[:1], at(3)]) == 30
    assert places(merged(at(1, 3), at(2, 3))) == [1, 2, 3]


# what requests get


@pytest.fixture(params=["state", "window"])
def b(request: pytest.FixtureRequest, bench: MakeBench) -> Bench:
    """Two slots of memory that can't be cut."""
    kind = {"can_cut": False} if request.param == "state" else {"window": 8}
    config = EngineConfig(host_cache_bytes=None)
    return bench(n_slots=2, n_seq=2, n_ctx_slot=128, config=config, **kind)


def cached(b: Bench, prompt: list[int], **fields: object) -> int:
    return b.generate(prompt, n_predict=3, **fields).timings.n_prompt_cached


def test_a_prompt_that_comes_again_begins_at_its_last_checkpoint(b: Bench) -> None:
    prompt = [*SYSTEM, *b"what is it?"]
    assert cached(b, prompt) == 0
    assert cached(b, prompt) == len(SYSTEM)


def test_a_system_prompt_is_shared_although_other_tools_follow_it(b: Bench) -> None:
    prompts = [[*b"the system prompt, ", *tools, EOS, *b"why?"] for tools in (b"A" * 30, b"B" * 30)]
    assert [cached(b, prompt, turns=(19, 53)) for prompt in prompts] == [0, 19]


def test_another_question_begins_where_the_system_prompt_ends(b: Bench) -> None:
    cached(b, [*SYSTEM, *b"what is it that you see there?"])
    assert cached(b, [*SYSTEM, *b"and who?"]) == len(SYSTEM)


def test_an_answer_is_continued_where_it_ends(b: Bench) -> None:
    answer = b.generate(SYSTEM, n_predict=5)
    assert cached(b, [*SYSTEM, *answer.text[:-1].encode(), EOS, *b"more"]) == len(SYSTEM) + 4


def test_requests_at_the_same_time_wait_for_a_checkpoint(b: Bench) -> None:
    tasks = [b.submit([*SYSTEM, *text], n_predict=2) for text in (b"first one", b"second one")]
    b.run()
    assert [b.finished(task).timings.n_prompt_cached for task in tasks] == [0, len(SYSTEM)]


def test_checkpoints_go_to_the_host_with_their_sequence(b: Bench) -> None:
    cached(b, [*SYSTEM, *b"what is it that you see?"], id_slot=0)
    cached(b, [*b"something else entirely, and long"], id_slot=0)
    assert cached(b, [*SYSTEM, *b"and who?"], id_slot=0) == len(SYSTEM)


def test_prompts_take_turns_where_a_batch_holds_one_of_them(bench: MakeBench) -> None:
    b = bench(window=8, n_slots=3, n_batch=16)
    tasks = [b.submit([*text] * 2, n_predict=4) for text in (b"first one", b"second one", b"third")]
    b.run()  # the runner checks every batch
    for task in tasks:
        b.finished(task)


def test_private_requests_have_no_checkpoints(b: Bench) -> None:
    cached(b, SYSTEM * 2, cache_prompt=False)
    assert b.runner.n_checkpoints == 0


def test_a_checkpoint_that_finds_no_room_costs_the_prefix_and_no_more(b: Bench) -> None:
    prompt = [*SYSTEM, *b"what is it?"]
    text = b.generate(prompt, n_predict=3).text
    b.runner.refuse_next = True
    again = b.generate(prompt, n_predict=3, id_slot=0)
    assert (again.text, again.timings.n_prompt_cached) == (text, 0)


def test_no_more_than_asked_for_are_kept(bench: MakeBench) -> None:
    b = bench(can_cut=False, n_ctx_slot=256, n_seq=4, config=EngineConfig(n_checkpoints=3))
    b.generate(SYSTEM + 5 * [*b"a turn of twenty tokens", EOS], n_predict=1)
    (held,) = (s for s in b.engine.memory.sequences if s.checkpoints)
    assert len(held.checkpoints) == 3


def test_checkpoints_stay_within_the_host_caches_limit(bench: MakeBench) -> None:
    b = bench(can_cut=False, n_seq=4, config=EngineConfig(host_cache_bytes=600))
    for text in (b"one", b"two", b"three"):
        b.generate([*text, *SYSTEM, *b"what is it that you see?"], n_predict=1)
        held = n_bytes([sequence.checkpoints for sequence in b.engine.memory.sequences])
        assert 0 < held <= 600


def test_memory_that_can_be_cut_has_none(bench: MakeBench) -> None:
    b = bench(n_ctx_slot=256)
    b.generate(SYSTEM * 3, n_predict=1)
    assert b.runner.n_checkpoints == 0
