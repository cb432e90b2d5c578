"""A request that begins alone has the first cells, whatever was asked before it."""

from __future__ import annotations

import pytest

from server.engine.config import EngineConfig
from server.engine.sequence import Sequence
from tests.engine.conftest import Bench
from tests.engine.test_engine import MakeBench
from tests.engine.test_prefix import n_cached

FIRST = "the first conversation of all"
OTHER = "one about something else"
CONFIG = EngineConfig(host_cache_bytes=None, compact_bytes=1 << 20)


@pytest.fixture
def b(bench: MakeBench) -> Bench:
    return bench(n_slots=2, n_ctx_slot=200, config=CONFIG)


def held(b: Bench) -> list[Sequence]:
    """Sequences with tokens."""
    return [each for each in b.engine.memory.sequences if each.n_tokens]


def is_in_first_cells(sequence: Sequence) -> bool:
    return sequence.cells.tolist() == list(range(sequence.n_tokens))


def asked(b: Bench, text: str, n_predict: int = 20, **fields: object) -> int:
    """Ask, alone; how much of the prompt was there. It has the first cells, and it alone."""
    task = b.submit(text, n_predict=n_predict, **fields)
    b.run()
    (sequence,) = held(b)
    assert is_in_first_cells(sequence)
    return n_cached(b, task)


def test_requests_one_after_another_have_the_same_cells(b: Bench) -> None:
    assert [asked(b, text) for text in (FIRST, OTHER, FIRST)] == [0, 0, len(FIRST) - 1]
    assert [asked(b, text) for text in (OTHER, OTHER)] == [len(OTHER) - 1] * 2


def test_a_beginning_in_common_is_no_reason_to_lie_apart(b: Bench) -> None:
    assert [asked(b, "a tale of " + text) for text in (FIRST, OTHER)] == [0, len("a tale of ")]


def test_those_who_share_nothing_leave_without_a_copy(b: Bench) -> None:
    for text in (FIRST, OTHER, FIRST):
        assert asked(b, text, cache_prompt=False) == 0
    assert len(b.engine.memory.host_cache) == 0


def test_a_conversation_that_goes_on_stays_where_it_is(b: Bench) -> None:
    text = FIRST
    for _ in range(4):
        answer = b.generate(text, n_predict=5)
        text += answer.text + " and then?"
    assert is_in_first_cells(*held(b))
    assert len(b.engine.memory.host_cache) == 0
    assert answer.timings.n_prompt_cached >= len(text) - 2 * len(" and then?") - 6


def test_nobody_moves_while_another_request_runs(b: Bench) -> None:
    asked(b, FIRST)
    other = b.submit(OTHER, n_predict=100)
    b.tick(3)
    task = b.submit(FIRST, n_predict=2)
    b.run()
    # it came from the host, behind the one that runs
    assert n_cached(b, task) == len(FIRST) - 1
    assert len(b.text(other)) == 100
    assert len(held(b)) == 2


@pytest.mark.parametrize(
    "config",
    [
        EngineConfig(host_cache_bytes=None),
        EngineConfig(host_cache_bytes=None, compact_bytes=8 * len(FIRST)),
        EngineConfig(host_cache_bytes=0, compact_bytes=1 << 20),
    ],
    ids=["not wanted", "more than may be copied", "no room in the host's memory"],
)
def test_what_may_not_be_moved_stays(bench: MakeBench, config: EngineConfig) -> None:
    b = bench(n_slots=2, n_ctx_slot=200, config=config)
    for text in (FIRST, OTHER):
        b.generate(text, n_predict=5)
    assert len(held(b)) == 2


def test_what_finds_no_room_in_the_hosts_memory_is_not_lost(bench: MakeBench) -> None:
    config = EngineConfig(host_cache_bytes=64, compact_bytes=1 << 20)
    b = bench(n_slots=2, n_ctx_slot=200, config=config)
    for text in (FIRST, OTHER):
        b.generate(text, n_predict=5)
    task = b.submit(FIRST, n_predict=1)
    b.run()
    assert n_cached(b, task) == len(FIRST) - 1


def test_several_that_begin_at_once_share_what_came_back(b: Bench) -> None:
    asked(b, FIRST)
    tasks = b.submit_several(2, FIRST, n_predict=3)
    b.run()
    assert [n_cached(b, task) for task in tasks] == [len(FIRST) - 1] * 2
