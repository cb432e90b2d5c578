"""What leaves the KV memory next is copied while nothing runs; no step waits for many copies."""

from __future__ import annotations

import threading

import pytest

from server.engine.admission import N_FREE
from server.engine.ahead import LONGEST_S
from server.engine.checkpoints import State
from server.engine.config import EngineConfig
from server.engine.mailbox import EraseSlot
from server.engine.pulse import Pulse
from tests.engine.conftest import Bench
from tests.engine.test_admission import slow_copies
from tests.engine.test_engine import MakeBench

LEAVES_COPIES = EngineConfig(host_cache_bytes=None)


def after_prompts(b: Bench, n: int) -> Bench:
    """An engine at rest after n prompts that have nothing in common."""
    for i in range(n):
        b.generate(chr(65 + i) * 10, n_predict=2)
    return b


def tidied(b: Bench) -> int:
    """How often there was something to do."""
    for n in range(100):
        if not b.engine.ahead.step():
            return n
    raise AssertionError("there is no end of it")


def test_what_no_slot_has_is_copied_and_stays(bench: MakeBench) -> None:
    b = after_prompts(bench(n_slots=1, n_seq=9, config=LEAVES_COPIES), 5)
    n_used = b.runner.n_used
    assert tidied(b) == 4
    assert len(b.engine.memory.host_cache) == 4
    assert b.runner.n_used == n_used


def test_what_was_copied_ahead_leaves_at_once_and_comes_back(bench: MakeBench) -> None:
    b = after_prompts(bench(n_slots=1, n_seq=5, config=LEAVES_COPIES), 5)
    tidied(b)
    copied = slow_copies(b, 0.0)
    b.generate("Y" * 10, n_predict=2)
    b.generate("Z" * 10, n_predict=2)
    assert copied == []
    assert b.generate("A" * 10, n_predict=2).timings.n_prompt_cached == 9


def test_what_is_there_already_is_not_copied_again(bench: MakeBench) -> None:
    b = after_prompts(bench(n_slots=1, n_seq=9, config=LEAVES_COPIES), 5)
    tidied(b)
    b.generate("B" * 10, n_predict=2)
    copied = slow_copies(b, 0.0)
    assert tidied(b) == len(copied) == 1  # what the slot had when B came back


def test_what_slots_have_is_copied_where_it_would_soon_leave(bench: MakeBench) -> None:
    b = bench(n_slots=3, n_seq=9, config=LEAVES_COPIES)
    for i in range(3):
        b.generate(chr(65 + i) * 10, n_predict=2, id_slot=i)
    copied = slow_copies(b, 0.0)
    assert tidied(b) == 0
    b.runner.n_idle_cells = 1
    assert tidied(b) == len(copied) == 2
    last = next(slot.sequence for slot in b.engine.slots if slot.id == 2)
    assert not b.engine.memory.is_saved(last)


def test_what_nobody_may_share_is_not_copied(bench: MakeBench) -> None:
    b = bench(n_slots=2, n_seq=9, config=LEAVES_COPIES)
    b.runner.n_idle_cells = 1
    b.generate("A" * 10, n_predict=2, id_slot=0, cache_prompt=False)
    b.generate("B" * 10, n_predict=2, id_slot=1)
    assert tidied(b) == 0


def test_what_is_rare_only_later_is_copied_then(bench: MakeBench) -> None:
    b = bench(n_slots=1, n_seq=9, n_cells=3000, n_ctx_slot=700, config=LEAVES_COPIES)
    for i in range(3):
        b.generate("P" * 600 + chr(65 + i) * 20, n_predict=2)
    b.generate("Z" * 10, n_predict=2)
    assert tidied(b) == 0
    oldest, next_one, _ = b.engine.memory.retained
    b.engine.memory.discard(oldest)
    b.engine.memory.discard(next_one)
    assert tidied(b) == 1


def test_in_a_full_cache_nothing_makes_way_that_nobody_paid_for(bench: MakeBench) -> None:
    config = EngineConfig(host_cache_bytes=200)
    b = after_prompts(bench(n_slots=1, n_seq=9, config=config), 5)
    for _ in range(N_FREE + 1):
        b.engine.memory.admission.charge(1.0)
    copied = slow_copies(b, 0.0)
    tidied(b)
    assert len(copied) == len(b.engine.memory.host_cache) == 1
    assert b.engine.memory.is_saved(b.engine.memory.retained[0])


def test_a_cache_for_one_does_not_keep_the_engine_busy(bench: MakeBench) -> None:
    config = EngineConfig(host_cache_bytes=200)
    b = after_prompts(bench(n_slots=1, n_seq=9, config=config), 5)
    assert tidied(b) == 4
    assert len(b.engine.memory.host_cache) == 1
    assert tidied(b) == 0


def test_what_could_not_be_copied_is_not_tried_for_ever(bench: MakeBench) -> None:
    b = after_prompts(bench(n_slots=1, n_seq=9, config=LEAVES_COPIES), 5)
    b.runner.save = lambda seq_id: None  # type: ignore[method-assign]
    assert tidied(b) == 4
    assert tidied(b) == 0


def test_what_takes_long_is_copied_when_it_must_be(bench: MakeBench) -> None:
    b = after_prompts(bench(n_slots=1, n_seq=5, config=LEAVES_COPIES), 5)
    b.engine.memory.admission.copied(1, LONGEST_S / 5)
    assert tidied(b) == 0
    b.generate("Y" * 10, n_predict=2)
    assert len(b.engine.memory.host_cache) == 1


def test_what_takes_long_no_more_is_copied_ahead(bench: MakeBench) -> None:
    b = after_prompts(bench(n_slots=1, n_seq=9, config=LEAVES_COPIES), 5)
    b.engine.memory.admission.copied(1, LONGEST_S / 5)
    assert tidied(b) == 0
    b.engine.memory.admission.copied(1000, 0.0)
    b.generate("Y" * 10, n_predict=2)
    assert tidied(b) == 5


def test_the_first_copy_is_judged_by_its_size(bench: MakeBench) -> None:
    b = after_prompts(bench(n_slots=1, n_seq=9, config=LEAVES_COPIES), 5)
    b.runner.state_bytes = lambda seq_id: 1 << 30  # type: ignore[method-assign]
    assert tidied(b) == 0


def test_an_erased_slot_serves_nothing_that_was_copied_ahead(bench: MakeBench) -> None:
    b = after_prompts(bench(n_slots=1, n_seq=9, config=LEAVES_COPIES), 3)
    tidied(b)
    b.mailbox.post(EraseSlot(100, 0))
    b.run()
    assert len(b.engine.memory.host_cache) == 0
    assert b.generate("A" * 10, n_predict=2).timings.n_prompt_cached == 0


@pytest.mark.parametrize(
    "config",
    [EngineConfig(host_cache_bytes=0), EngineConfig(host_cache_bytes=None, cache_idle_slots=False)],
    ids=["--cache-ram 0", "--no-cache-idle-slots"],
)
def test_nothing_is_copied_ahead_where_that_was_asked(
    bench: MakeBench, config: EngineConfig
) -> None:
    b = after_prompts(bench(n_slots=1, n_seq=9, config=config), 5)
    assert tidied(b) == 0


def test_who_asks_one_thing_after_the_other_does_not_wait_for_copies(bench: MakeBench) -> None:
    b = after_prompts(bench(n_slots=1, n_seq=9, config=LEAVES_COPIES), 5)
    copied = slow_copies(b, 0.0)
    b.submit("Z" * 10, n_predict=2)
    assert len(b.engine.ahead.wait(b.mailbox, Pulse())) == 1
    assert copied == []


def test_a_message_ends_the_copies(bench: MakeBench) -> None:
    b = after_prompts(bench(n_slots=1, n_seq=9, config=LEAVES_COPIES), 5)
    save, n_saved, pulse = b.runner.save, 0, Pulse()

    def interrupted(seq_id: int) -> State | None:
        nonlocal n_saved
        n_saved += 1
        if n_saved == 2:
            b.submit("Z" * 10, n_predict=2)
        return save(seq_id)

    b.runner.save = interrupted  # type: ignore[method-assign]
    assert len(b.engine.ahead.wait(b.mailbox, pulse)) == 1
    assert n_saved == 2


def test_the_running_engine_tidies_before_it_sleeps(bench: MakeBench) -> None:
    b = after_prompts(bench(n_slots=1, n_seq=9, config=LEAVES_COPIES), 5)
    save, n_saved, all_saved = b.runner.save, 0, threading.Event()

    def counted(seq_id: int) -> State | None:
        nonlocal n_saved
        n_saved += 1
        if n_saved == 4:
            all_saved.set()
        return save(seq_id)

    b.runner.save = counted  # type: ignore[method-assign]
    thread = threading.Thread(target=b.engine.run)
    thread.start()
    try:
        assert all_saved.wait(20)
    finally:
        b.stop(0.0)
        thread.join(20)
    assert not thread.is_alive()
    assert len(b.engine.memory.host_cache) == 4


def waiting_for_copies(bench: MakeBench, *, with_stream: bool) -> tuple[Bench, list[int]]:
    """Three requests, each of which needs a copy first that takes a step's time."""
    config = EngineConfig(host_cache_bytes=None, max_step_ms=100)
    b = bench(n_slots=4, n_seq=4, config=config)
    if with_stream:
        b.submit("S" * 10, n_predict=100, id_slot=0, stream=True)
        b.tick(3)
    for i in range(3):
        b.submit(chr(65 + i) * 10, n_predict=2, id_slot=1 + i)
    b.tick(20)
    copied = slow_copies(b, 0.1)
    for i in range(3):
        b.submit(chr(75 + i) * 10, n_predict=20, id_slot=1 + i)
    return b, copied


def test_while_others_generate_one_copy_is_made_in_a_step(bench: MakeBench) -> None:
    b, copied = waiting_for_copies(bench, with_stream=True)
    n_said = []
    for _ in range(3):
        b.tick()
        n_said.append((len(copied), len(b.events[0])))
    assert [n for n, _ in n_said] == [1, 2, 3]
    assert n_said[2][1] == n_said[0][1] + 2  # the stream went on meanwhile


def test_where_nobody_waits_all_begin_at_once(bench: MakeBench) -> None:
    b, copied = waiting_for_copies(bench, with_stream=False)
    b.tick()
    assert len(copied) == 3
