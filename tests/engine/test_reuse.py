"""Reuse that depends on the slot: later chunks by shifting, similar slots, pinned slots."""

from __future__ import annotations

import pytest

from server.engine.config import EngineConfig
from tests.engine.conftest import Bench
from tests.engine.test_engine import MakeBench
from tests.engine.test_prefix import n_cached

BEGIN, MIDDLE, END = "0123456789", "to be forgotten ", "what comes after that and stays"


def reused(b: Bench, text: str, **fields: object) -> int:
    """How many tokens of text were taken when it was asked."""
    task = b.submit(text, n_predict=1, **fields)
    b.run()
    return n_cached(b, task)


def test_a_later_chunk_is_moved_where_it_is_wanted(bench: MakeBench) -> None:
    b = bench(n_slots=1)
    b.generate(BEGIN + MIDDLE + END, n_predict=1)
    assert reused(b, BEGIN + END + "?", n_cache_reuse=8) == len(BEGIN + END)
    # the runner has checked that the cells are at their new positions
    assert bytes(b.runner.held(b.engine.slots.at(0).sequence.id)).decode() == BEGIN + END + "?"


def test_several_chunks_are_moved(bench: MakeBench) -> None:
    b = bench(n_slots=1, n_ctx_slot=100)
    b.generate("begin, XX first chunk, YYYY second chunk, ZZ", n_predict=1)
    assert reused(b, "begin, first chunk, second chunk, ~", n_cache_reuse=8) == 34


def test_a_chunk_that_is_too_short_is_computed(bench: MakeBench) -> None:
    b = bench(n_slots=1)
    b.generate(BEGIN + MIDDLE + END, n_predict=1)
    assert reused(b, BEGIN + END + "?", n_cache_reuse=len(END) + 1) == len(BEGIN)


def test_chunks_stay_where_they_are_unless_reuse_is_asked_for(bench: MakeBench) -> None:
    b = bench(n_slots=1)
    b.generate(BEGIN + MIDDLE + END, n_predict=1)
    assert reused(b, BEGIN + END + "?") == len(BEGIN)


def test_chunks_of_a_request_without_cache_are_not_reused(bench: MakeBench) -> None:
    b = bench(n_slots=1)
    b.generate(BEGIN + MIDDLE + END, n_predict=1, cache_prompt=False)
    assert reused(b, BEGIN + END + "?", n_cache_reuse=8) == 0


def test_chunks_that_another_request_uses_do_not_move(bench: MakeBench) -> None:
    # the fake runner fails a test that moves a shared cell
    b = bench(n_slots=2, n_ctx_slot=100, n_seq=4)
    b.generate(BEGIN + MIDDLE + END, n_predict=1, id_slot=0)
    other = b.submit(BEGIN + MIDDLE + END + "!", n_predict=30)
    b.tick(2)
    task = b.submit(BEGIN + END + "?", n_predict=1, n_cache_reuse=8)
    b.run()
    assert n_cached(b, task) >= len(BEGIN)
    assert len(b.text(other)) == 30


def test_memory_that_cannot_be_shifted_reuses_no_chunks(bench: MakeBench) -> None:
    b = bench(n_slots=1)
    b.runner.can_shift = False
    b.generate(BEGIN + MIDDLE + END, n_predict=1)
    assert reused(b, BEGIN + END + "?", n_cache_reuse=8) == len(BEGIN)


@pytest.mark.parametrize(
    ("similarity", "chosen"),
    [(0.1, 0), (0.9, 1), (0.0, 1)],
    ids=["similar enough", "not similar enough", "switched off"],
)
def test_a_slot_that_holds_much_of_the_prompt_is_preferred(
    bench: MakeBench, similarity: float, chosen: int
) -> None:
    b = bench(n_slots=2, config=EngineConfig(slot_prompt_similarity=similarity))
    # both slots are used, slot 1 longer ago
    b.generate("in the other slot", n_predict=1, id_slot=1)
    b.generate("half of this prompt ", n_predict=1, id_slot=0)
    result = b.generate("half of this prompt and then some", n_predict=1)
    assert result.id_slot == chosen
    assert result.timings.n_prompt_cached == len("half of this prompt ")


@pytest.mark.parametrize("id_slot", [0, 2])
def test_a_pinned_request_runs_in_its_slot(bench: MakeBench, id_slot: int) -> None:
    b = bench(n_slots=3)
    assert b.generate("hello", n_predict=1, id_slot=id_slot).id_slot == id_slot


def test_a_pinned_request_sees_the_tokens_of_its_slot_alone(bench: MakeBench) -> None:
    b = bench(n_slots=2)
    text = "a conversation of one user"
    b.generate(text, n_predict=1, id_slot=0)
    assert reused(b, text + "!", id_slot=1) == 0
    assert reused(b, text + "?", id_slot=0) == len(text)


@pytest.mark.parametrize("n_seq", [2, 4], ids=["to the host", "beside it"])
def test_a_pinned_request_finds_what_was_said_before_the_last_one(
    bench: MakeBench, n_seq: int
) -> None:
    b = bench(n_slots=2, n_seq=n_seq, config=EngineConfig(host_cache_bytes=None))
    texts = ["a conversation that is left for a while", "another that begins alike"]
    for text in texts:
        b.generate(text, n_predict=1, id_slot=0)
    assert reused(b, texts[0] + "!", id_slot=1) == 0
    assert [reused(b, text + "?", id_slot=0) for text in texts] == [len(text) for text in texts]


def test_a_pinned_request_does_not_wait_for_a_prefix_elsewhere(bench: MakeBench) -> None:
    b = bench(n_slots=2, n_batch=16)
    text = "a prompt that takes three batches to compute"
    first = b.submit(text, n_predict=1, id_slot=0)
    second = b.submit(text, n_predict=1, id_slot=1)
    b.run()
    assert [n_cached(b, task) for task in (first, second)] == [0, 0]


def test_what_a_pinned_request_holds_is_shared_with_requests_that_are_not(bench: MakeBench) -> None:
    b = bench(n_slots=2)
    b.generate("a conversation of one user", n_predict=1, id_slot=0)
    assert reused(b, "a conversation of two users") == len("a conversation of ")
