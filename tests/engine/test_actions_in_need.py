"""Save and restore where cells are short or a slot's tokens are in host memory."""

from __future__ import annotations

import numpy as np
import pytest

from server.engine.config import EngineConfig
from server.engine.mailbox import Cancel
from server.engine.mailbox import EraseSlot
from server.engine.mailbox import RestoreSlot
from server.engine.mailbox import SaveSlot
from server.engine.task import ErrorKind
from server.engine.task import Task
from tests.engine.conftest import Bench
from tests.engine.conftest import shifted
from tests.engine.test_actions import PROMPT
from tests.engine.test_actions import act
from tests.engine.test_actions import do
from tests.engine.test_actions import done
from tests.engine.test_actions import n_cached
from tests.engine.test_actions import refusal
from tests.engine.test_engine import MakeBench


@pytest.mark.parametrize("n_seq", [2, 6])
def test_a_restored_state_waits_for_the_cells_of_an_earlier_request(
    bench: MakeBench, n_seq: int
) -> None:
    b = bench(n_slots=2, n_seq=n_seq, n_cells=70)
    text = b.generate("a" * 40, id_slot=1, n_predict=1).text
    saved = do(b, SaveSlot, 1)
    b.generate("other words", id_slot=1, n_predict=1)
    busy = b.submit("b" * 40, id_slot=0, n_predict=9)
    b.tick(3)
    action_id = act(b, RestoreSlot, 1, saved.tokens, saved.state)
    b.tick(3)
    assert action_id not in b.events
    b.run()
    done(b, action_id)
    assert b.text(busy) == shifted(b"b" * 40, 9, 64)
    again = b.generate("a" * 40, id_slot=1, n_predict=1)
    assert (again.text, again.timings.n_prompt_cached) == (text, 39)


@pytest.mark.parametrize("host_cache_bytes", [0, None])
@pytest.mark.parametrize("n_seq", [2, 6])
def test_a_request_that_came_later_gives_its_cells_to_a_restored_state(
    bench: MakeBench, n_seq: int, host_cache_bytes: int | None
) -> None:
    config = EngineConfig(host_cache_bytes=host_cache_bytes)
    b = bench(n_slots=3, n_seq=max(3, n_seq), n_cells=100, config=config)
    b.generate("a" * 40, id_slot=1, n_predict=1)
    saved = do(b, SaveSlot, 1)
    first = b.submit("b" * 30, id_slot=0, n_predict=20)
    b.submit("c" * 5, id_slot=1, n_predict=9)
    b.tick(2)
    action_id = act(b, RestoreSlot, 1, saved.tokens, saved.state)
    second = b.submit("d" * 40, id_slot=2, n_predict=20)
    b.run()
    done(b, action_id)
    assert b.text(first) == shifted(b"b" * 30, 20, 64)
    assert b.text(second) == shifted(b"d" * 40, 20, 64)
    assert b.engine.slots.stats.n_preempted > 0


def beside_an_endless_request(bench: MakeBench, n_ticks: int) -> tuple[Bench, Task, int]:
    """A bench, an endless request that has run so long, and a restore that finds too few cells."""
    config = EngineConfig(host_cache_bytes=None, context_shift=True)
    b = bench(n_slots=2, n_cells=64, config=config)
    b.generate("a" * 40, id_slot=1, n_predict=1)
    saved = do(b, SaveSlot, 1)
    endless = b.submit("b" * 30, id_slot=0, n_predict=-1)
    b.tick(n_ticks)
    return b, endless, act(b, RestoreSlot, 1, saved.tokens, saved.state)


def test_an_endless_request_makes_way_for_a_restored_state(bench: MakeBench) -> None:
    b, endless, action_id = beside_an_endless_request(bench, 40)
    b.tick(200)
    done(b, action_id)
    b.cancel(endless)
    b.run()


def test_nobody_makes_way_for_an_action_whose_client_left(bench: MakeBench) -> None:
    b, endless, action_id = beside_an_endless_request(bench, 2)
    b.tick(2)
    b.mailbox.post(Cancel((action_id,)))
    b.tick(300)
    assert action_id not in b.events
    assert b.engine.slots.stats.n_preempted == 0
    b.cancel(endless)
    b.run()


def test_a_state_of_more_tokens_than_there_are_cells_is_refused(bench: MakeBench) -> None:
    b = bench(n_slots=2, n_cells=64)
    b.generate("other words", id_slot=1, n_predict=1)
    tokens = np.full(65, ord("a"), np.int32)
    action_id = act(b, RestoreSlot, 1, tokens, tokens.view(np.uint8))
    b.run()
    event = refusal(b, action_id)
    assert event.kind is ErrorKind.INVALID_REQUEST
    assert "--ctx-size" in event.message
    assert n_cached(b, 1, "other words") == len("other words") - 1


def parked(bench: MakeBench, *, then: str = "") -> Bench:
    """A full KV memory with two running requests; slot 0 went to host memory before.

    then: what another slot added to its tokens, so that host memory has it with these only.
    """
    b = bench(n_slots=3, n_cells=110, config=EngineConfig(host_cache_bytes=None))
    b.generate(PROMPT, id_slot=0, n_predict=1)
    if then:
        b.generate(PROMPT + then, id_slot=1, n_predict=1)
    for id_slot in (1, 2):
        b.submit(chr(ord("x") + id_slot) * 50, id_slot=id_slot, n_predict=6)
    b.tick(6)
    assert b.engine.slots.at(0).sequence.parked is not None
    return b


def test_what_is_in_host_memory_is_saved_without_cells(bench: MakeBench) -> None:
    b = parked(bench)
    action_id = act(b, SaveSlot, 0)
    b.tick()
    saved = done(b, action_id)
    assert bytes(saved.tokens.tolist()) == PROMPT.encode()
    assert b.engine.slots.at(0).sequence.n_tokens == 0
    b.run()
    assert b.engine.slots.stats.n_preempted == 0
    assert len(do(b, RestoreSlot, 1, saved.tokens, saved.state).tokens) == len(PROMPT)
    assert n_cached(b, 1) == len(PROMPT) - 1


def test_what_host_memory_has_with_more_is_saved_when_there_is_room(bench: MakeBench) -> None:
    b = parked(bench, then=" that went on and on, and then some")
    action_id = act(b, SaveSlot, 0)
    b.tick()
    assert action_id not in b.events
    b.run()
    saved = done(b, action_id)
    assert bytes(saved.tokens.tolist()) == PROMPT.encode()
    assert b.engine.slots.stats.n_preempted == 0


@pytest.mark.parametrize("host_cache_bytes", [700, 1200])
def test_what_is_saved_from_host_memory_is_not_lost_to_what_makes_room(
    bench: MakeBench, host_cache_bytes: int
) -> None:
    config = EngineConfig(host_cache_bytes=host_cache_bytes)
    b = bench(n_slots=3, n_cells=110, config=config)
    b.generate(PROMPT, id_slot=0, n_predict=1)
    b.generate(PROMPT + " that went on and on, and then some", id_slot=1, n_predict=1)
    for id_slot in (1, 2):
        b.submit(chr(ord("x") + id_slot) * 50, id_slot=id_slot, n_predict=5)
    b.run()
    assert b.engine.slots.at(0).sequence.parked is not None
    assert bytes(do(b, SaveSlot, 0).tokens.tolist()) == PROMPT.encode()


def test_what_was_erased_in_host_memory_is_not_saved(bench: MakeBench) -> None:
    b = bench(n_slots=2, config=EngineConfig(host_cache_bytes=None))
    b.runner.n_idle_cells, b.look_s = 0, 1e-6
    for id_slot in (0, 1):
        b.generate(PROMPT, id_slot=id_slot, n_predict=1)
    b.generate("other words", id_slot=1, n_predict=20)
    assert b.engine.slots.at(0).sequence.parked is not None
    assert len(do(b, EraseSlot, 0).tokens) == len(PROMPT)
    assert len(do(b, EraseSlot, 0).tokens) == 0
    assert len(do(b, SaveSlot, 0).tokens) == 0
