"""Prompt states outside the KV cache: found by prefix, bounded, and used by the engine."""

from __future__ import annotations

import numpy as np
import pytest

from server.engine.checkpoints import Checkpoint
from server.engine.config import EngineConfig
from server.engine.host_cache import Entry
from server.engine.host_cache import HostCache
from server.engine.host_cache import State
from server.engine.mailbox import EraseSlot
from server.engine.mailbox import RestoreSlot
from server.engine.mailbox import SaveSlot
from server.engine.prefix import NO_SCOPE
from server.engine.task import SlotDone
from server.engine.task import Tokens
from tests.engine.conftest import Bench
from tests.engine.test_engine import MakeBench


def tokens(text: str) -> Tokens:
    """The bytes of text as token ids."""
    return np.array(list(text.encode()), np.int32)


def state(n_bytes: int = 100) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """A state of that size."""
    return np.zeros(n_bytes, np.uint8)


def test_the_longest_shared_prefix_wins() -> None:
    cache = HostCache(None)
    for text in ("abcd", "abX", "zzz"):
        cache.put(Entry(tokens(text), state(), NO_SCOPE))
    found = cache.best(tokens("abcde"), NO_SCOPE, 99)
    assert found is not None
    assert (found[0], bytes(found[1].tokens.tolist())) == (4, b"abcd")
    assert cache.best(tokens("q"), NO_SCOPE, 99) is None


def test_memory_that_cannot_be_cut_needs_an_entry_that_is_a_prefix_as_a_whole() -> None:
    cache = HostCache(None)
    cache.put(Entry(tokens("abX"), state(), NO_SCOPE, floor=3))
    cache.put(Entry(tokens("a"), state(), NO_SCOPE, floor=1))
    found = cache.best(tokens("abc"), NO_SCOPE, 99)
    assert found is not None
    assert found[0] == 1


def test_a_continuation_replaces_what_it_continues() -> None:
    cache = HostCache(None)
    cache.put(Entry(tokens("ab"), state(), NO_SCOPE))
    cache.put(Entry(tokens("abc"), state(), NO_SCOPE))
    assert len(cache) == 1
    assert cache.covers(tokens("ab"), NO_SCOPE)
    assert not cache.covers(tokens("abd"), NO_SCOPE)


def test_the_least_recently_used_entries_make_room() -> None:
    cache = HostCache(330)
    for text in ("aaa", "bbb", "ccc"):
        cache.put(Entry(tokens(text), state(90), NO_SCOPE))
    cache.best(tokens("aaa"), NO_SCOPE, 99)
    cache.put(Entry(tokens("ddd"), state(90), NO_SCOPE))
    assert cache.covers(tokens("aaa"), NO_SCOPE)
    assert not cache.covers(tokens("bbb"), NO_SCOPE)
    assert cache.n_bytes <= 330


def test_an_entry_larger_than_the_cache_is_not_kept_and_nobody_goes_for_it() -> None:
    cache = HostCache(100)
    cache.put(Entry(tokens("aaa"), state(50), NO_SCOPE))
    cache.put(Entry(tokens("bbb"), state(90), NO_SCOPE))
    assert cache.covers(tokens("aaa"), NO_SCOPE)
    assert (len(cache), cache.n_bytes) == (1, 62)


def test_checkpoints_count_once_wherever_they_are() -> None:
    shared = (Checkpoint(1, state(60)),)
    cache = HostCache(200, lambda: [shared])
    cache.put(Entry(tokens("aaa"), state(50), NO_SCOPE, checkpoints=shared))
    assert cache.n_bytes == 50 + 12 + 60
    assert not cache.fits(141)
    cache.put(Entry(tokens("bbb"), state(50), NO_SCOPE))
    assert (len(cache), cache.n_bytes) == (2, 184)
    cache.put(Entry(tokens("ccc"), state(50), NO_SCOPE))
    assert (len(cache), cache.n_bytes) == (2, 184)


def test_a_continuation_has_the_checkpoints_of_what_it_continues() -> None:
    cache = HostCache(None)
    first, second = (Checkpoint(n, state()) for n in (1, 3))
    cache.put(Entry(tokens("ab"), state(), NO_SCOPE, {0}, 2, (first,)))
    cache.put(Entry(tokens("abcd"), state(), NO_SCOPE, {1}, 4, (second,)))
    found = cache.covers(tokens("abcd"), NO_SCOPE)
    assert found is not None
    assert (found.checkpoints, found.origins) == ((first, second), {0, 1})


def crowded(bench: MakeBench, limit: int, **kind: object) -> Bench:
    """Two slots whose idle sequences go to a small host cache almost at once."""
    config = EngineConfig(host_cache_bytes=limit)
    b = bench(n_slots=2, n_seq=3, n_cells=150, n_ctx_slot=64, config=config, **kind)
    b.runner.n_idle_cells, b.look_s = 0, 1e-6
    return b


def test_the_limit_holds_also_while_a_state_is_copied(bench: MakeBench) -> None:
    b = crowded(bench, 1200)
    save, held = b.runner.save, []

    def watched(seq_id: int) -> State | None:
        held.append(b.engine.memory.host_cache.n_bytes + b.runner.state_bytes(seq_id))
        return save(seq_id)

    b.runner.save = watched  # type: ignore[method-assign]
    for i in range(20):
        b.generate(chr(65 + i) * (10 + i) + "the end of a prompt", n_predict=2)
    assert len(held) > 10
    assert max(held) <= 1200


@pytest.mark.parametrize("kind", [{"can_cut": False}, {"window": 8}])
def test_the_limit_holds_for_states_and_checkpoints_together(
    bench: MakeBench, kind: dict[str, object]
) -> None:
    b = crowded(bench, 2000, **kind)
    for i in range(20):
        b.generate(chr(65 + i) * (10 + i) + "the end of a prompt", n_predict=2)
        assert b.engine.memory.host_cache.n_bytes <= 2000
    assert len(b.engine.memory.host_cache) > 0


def test_the_limit_holds_beside_the_checkpoints_of_a_restored_slot(bench: MakeBench) -> None:
    b = bench(n_slots=1, n_seq=1, can_cut=False, config=EngineConfig(host_cache_bytes=900))
    b.generate("a" * 40, n_predict=1)
    b.mailbox.post(SaveSlot(1000, 0))
    b.run()
    (saved,) = b.events[1000]
    assert isinstance(saved, SlotDone)
    assert sum(state.nbytes for _, state in saved.checkpoints) == 288
    b.mailbox.post(EraseSlot(1001, 0))
    b.run()
    cache = b.engine.memory.host_cache
    for letter in "bcdef":
        b.generate(letter * 15, n_predict=1)
    assert 900 - 288 < cache.n_bytes <= 900
    scope = (saved.cache_salt, saved.adapters, saved.n_bare)
    b.mailbox.post(RestoreSlot(1002, 0, saved.tokens, saved.state, *scope, saved.checkpoints))
    b.run()
    assert isinstance(b.events[1002][0], SlotDone)
    assert cache.n_bytes <= 900


def test_a_prompt_that_lost_its_slot_comes_back_from_the_host(bench: MakeBench) -> None:
    b = bench(n_slots=1, n_seq=1, config=EngineConfig(host_cache_bytes=None))
    first = b.generate("a long conversation", n_predict=3)
    b.generate("something else", n_predict=3)
    again = b.generate("a long conversation", n_predict=3)
    assert again.text == first.text
    assert again.timings.n_prompt_cached == len("a long conversation") - 1


def test_without_a_host_cache_it_is_computed_again(bench: MakeBench) -> None:
    b = bench(n_slots=1, n_seq=1)
    b.generate("a long conversation", n_predict=3)
    b.generate("something else", n_predict=3)
    assert b.generate("a long conversation", n_predict=3).timings.n_prompt_cached == 0


def test_idle_sequences_move_to_the_host_once_they_have_cost_as_much(bench: MakeBench) -> None:
    b = bench(config=EngineConfig(host_cache_bytes=None))
    b.runner.n_idle_cells, b.look_s = 1, 1e-6
    first = b.generate("first prompt", n_predict=3)
    b.generate("second prompt", n_predict=3)
    assert b.runner.n_used > len("first prompt") + len("second prompt")
    b.generate("second prompt", n_predict=40)
    assert b.runner.n_used <= len("second prompt") + 40
    again = b.generate("first prompt", n_predict=3)
    assert again.timings.n_prompt_cached == len("first prompt") - 1
    assert again.text == first.text


def test_idle_sequences_within_the_bound_stay(bench: MakeBench) -> None:
    b = bench(config=EngineConfig(host_cache_bytes=None))
    b.runner.n_idle_cells, b.look_s = 30, 1e-6
    b.generate("first prompt", n_predict=3)
    b.generate("second prompt", n_predict=40)
    assert b.runner.n_used > len("first prompt") + len("second prompt") + 40
    assert len(b.engine.memory.host_cache) == 0


def test_a_state_that_finds_no_room_is_computed_instead(bench: MakeBench) -> None:
    b = bench(n_slots=2, n_cells=40, config=EngineConfig(host_cache_bytes=None))
    b.generate("a" * 25, n_predict=2)
    b.generate("b" * 25, n_predict=2)
    busy = b.submit("c" * 20, n_predict=18)
    b.tick(2)
    again = b.submit("a" * 25, n_predict=2)
    b.run()
    b.finished(busy)
    assert b.last(again).task_id == again.id
