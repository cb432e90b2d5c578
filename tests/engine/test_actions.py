"""Save, restore and erase of slots: what they hand out, when they run, what they leave alone."""

from __future__ import annotations

import pytest

from server.engine.config import EngineConfig
from server.engine.mailbox import Cancel
from server.engine.mailbox import EraseSlot
from server.engine.mailbox import RestoreSlot
from server.engine.mailbox import SaveSlot
from server.engine.task import ErrorKind
from server.engine.task import Event
from server.engine.task import Failed
from server.engine.task import SlotDone
from tests.engine.conftest import Bench
from tests.engine.test_engine import MakeBench

PROMPT = "a long conversation"


def act(b: Bench, kind: type, id_slot: int, *values: object) -> int:
    """Post an action; its id."""
    action_id = b.next_id()
    b.mailbox.post(kind(action_id, id_slot, *values))
    return action_id


def answer(b: Bench, action_id: int) -> Event:
    """The only event of an action."""
    (event,) = b.events[action_id]
    return event


def done(b: Bench, action_id: int) -> SlotDone:
    """The only event of an action that was done."""
    event = answer(b, action_id)
    assert isinstance(event, SlotDone), event
    return event


def refusal(b: Bench, action_id: int) -> Failed:
    """The only event of one that was refused."""
    event = answer(b, action_id)
    assert isinstance(event, Failed), event
    return event


def do(b: Bench, kind: type, id_slot: int, *values: object) -> SlotDone:
    """Have an action done."""
    action_id = act(b, kind, id_slot, *values)
    b.run()
    return done(b, action_id)


def n_cached(b: Bench, id_slot: int, prompt: str = PROMPT) -> int:
    """How much of a prompt a pinned request finds."""
    return b.generate(prompt, id_slot=id_slot, n_predict=1).timings.n_prompt_cached


@pytest.fixture(params=["unified", "no spare sequence", "split streams"])
def b(request: pytest.FixtureRequest, bench: MakeBench) -> Bench:
    """A bench for each kind of memory."""
    kinds: dict[str, dict[str, object]] = {
        "unified": {},
        "no spare sequence": {"n_seq": 2},
        "split streams": {"n_seq": 2, "can_share": False},
    }
    return bench(n_slots=2, **kinds[request.param])


def test_a_saved_slot_comes_back_in_another_one(b: Bench) -> None:
    text = b.generate(PROMPT, id_slot=0, n_predict=3).text
    saved = do(b, SaveSlot, 0)
    assert bytes(saved.tokens.tolist()) == (PROMPT + text[:-1]).encode()
    restored = do(b, RestoreSlot, 1, saved.tokens, saved.state)
    assert len(restored.tokens) == len(saved.tokens)
    again = b.generate(PROMPT, id_slot=1, n_predict=3)
    assert (again.text, again.timings.n_prompt_cached) == (text, len(PROMPT) - 1)


def test_a_restored_slot_holds_nothing_of_before(b: Bench) -> None:
    b.generate(PROMPT, id_slot=0, n_predict=1)
    saved = do(b, SaveSlot, 0)
    b.generate("other words", id_slot=0, n_predict=1)
    do(b, RestoreSlot, 0, saved.tokens, saved.state)
    assert n_cached(b, 0, "other words") == 0


def test_an_empty_slot_is_saved_and_restored_as_empty(b: Bench) -> None:
    saved = do(b, SaveSlot, 1)
    assert len(saved.tokens) == 0
    b.generate(PROMPT, id_slot=0, n_predict=1)
    do(b, RestoreSlot, 0, saved.tokens, saved.state)
    assert n_cached(b, 0) == 0


def test_an_erased_slot_serves_nothing(b: Bench) -> None:
    b.generate(PROMPT, id_slot=0, n_predict=3)
    assert len(do(b, EraseSlot, 0).tokens) == len(PROMPT) + 2
    assert b.generate(PROMPT, n_predict=1).timings.n_prompt_cached == 0


def test_erasing_forgets_what_the_slot_left_behind_and_nothing_of_others(bench: MakeBench) -> None:
    b = bench(n_slots=2, config=EngineConfig(host_cache_bytes=None))
    b.generate(PROMPT + " that went one way and on", id_slot=0, n_predict=1)
    b.generate(PROMPT + " that took another turn", n_predict=1)
    b.generate("the words of slot one", id_slot=1, n_predict=1)
    slot = b.generate(PROMPT, n_predict=1).id_slot
    do(b, EraseSlot, slot)
    do(b, EraseSlot, 0)
    assert b.generate(PROMPT, n_predict=1).timings.n_prompt_cached == 0
    assert n_cached(b, 1, "the words of slot one") > 0


def test_an_action_waits_for_the_request_in_its_slot(b: Bench) -> None:
    task = b.submit(PROMPT, id_slot=0, n_predict=9)
    b.tick(3)
    action_id = act(b, SaveSlot, 0)
    b.tick()
    assert action_id not in b.events
    b.run()
    assert len(done(b, action_id).tokens) == b.finished(task).n_cached_end


def test_an_action_lets_older_requests_for_its_slot_go_first(b: Bench) -> None:
    b.submit(PROMPT, id_slot=0, n_predict=5)
    b.tick(2)
    second = b.submit("second words", id_slot=0, n_predict=2)
    saved = do(b, SaveSlot, 0)
    assert bytes(saved.tokens.tolist()).startswith(b"second words")
    b.finished(second)


def test_a_client_that_leaves_takes_its_action_along(b: Bench) -> None:
    task = b.submit(PROMPT, id_slot=0, n_predict=5)
    b.tick(2)
    action_id = act(b, EraseSlot, 0)
    b.mailbox.post(Cancel((action_id,)))
    b.run()
    assert action_id not in b.events
    assert n_cached(b, 0) == len(PROMPT) - 1
    b.finished(task)


def test_actions_of_one_slot_keep_their_order(bench: MakeBench) -> None:
    b = bench(n_slots=2, n_cells=70)
    b.generate("a" * 40, id_slot=1, n_predict=1)
    saved = do(b, SaveSlot, 1)
    b.submit("b" * 40, id_slot=0, n_predict=9)
    b.tick(3)
    restoring = act(b, RestoreSlot, 1, saved.tokens, saved.state)
    erasing = act(b, EraseSlot, 1)
    b.tick()
    assert not {restoring, erasing} & b.events.keys()
    b.run()
    assert len(done(b, erasing).tokens) == 40


def test_a_state_that_does_not_fit_leaves_the_slot_as_it_was(b: Bench) -> None:
    b.generate(PROMPT, id_slot=0, n_predict=1)
    saved = do(b, SaveSlot, 0)
    b.generate("other words", id_slot=1, n_predict=1)
    b.runner.refuse_next = True
    action_id = act(b, RestoreSlot, 1, saved.tokens, saved.state)
    b.run()
    assert "doesn't fit" in refusal(b, action_id).message
    assert n_cached(b, 1, "other words") == len("other words") - 1


def test_what_went_to_the_host_is_saved_and_counted_all_the_same(bench: MakeBench) -> None:
    b = bench(n_slots=2, config=EngineConfig(host_cache_bytes=None))
    b.runner.n_idle_cells, b.look_s = 0, 1e-6
    b.generate(PROMPT, id_slot=0, n_predict=3)
    b.generate("other words", id_slot=1, n_predict=20)
    assert b.engine.slots.at(0).sequence.n_tokens == 0
    assert len(do(b, SaveSlot, 0).tokens) == len(PROMPT) + 2
    b.generate("more other words", id_slot=1, n_predict=1)
    assert len(do(b, EraseSlot, 0).tokens) == len(PROMPT) + 2
    assert n_cached(b, 0) == 0


def test_a_pinned_request_finds_what_its_slot_had_on_the_host_and_nothing_else(
    bench: MakeBench,
) -> None:
    b = bench(n_slots=2, config=EngineConfig(host_cache_bytes=None))
    b.runner.n_idle_cells, b.look_s = 0, 1e-6
    b.generate(PROMPT, id_slot=0, n_predict=3)
    b.generate("other words", id_slot=1, n_predict=20)
    b.generate("other words", id_slot=0, n_predict=1)
    assert n_cached(b, 1) == 0
    assert n_cached(b, 0) == len(PROMPT) - 1


def test_a_stopping_engine_refuses_actions(b: Bench) -> None:
    b.submit(PROMPT, id_slot=0, n_predict=20)
    b.tick(2)
    waiting = act(b, EraseSlot, 0)
    b.tick()
    b.stop(0)
    b.tick()
    late = act(b, EraseSlot, 0)
    b.tick()
    assert refusal(b, waiting).kind is refusal(b, late).kind is ErrorKind.UNAVAILABLE
