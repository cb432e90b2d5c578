"""Whose turn it is where requests wait: priorities, owners in turn, time that has run out."""

from __future__ import annotations

from collections import Counter

from server.engine.config import EngineConfig
from server.engine.task import ErrorKind
from server.engine.task import Task
from tests.engine.conftest import Bench
from tests.fakes import FakeRunner


def bench(n_slots: int = 1, **config: object) -> Bench:
    return Bench(FakeRunner(n_slots=n_slots), EngineConfig(**config))  # type: ignore[arg-type]


def order_of(b: Bench, *tasks: Task) -> list[int]:
    """The tasks by when they ended."""
    b.run()
    ends = [task_id for task_id in b.events if task_id in {task.id for task in tasks}]
    return ends


def test_one_owner_is_served_in_the_order_of_arrival() -> None:
    b = bench()
    tasks = [b.submit("hello", n_predict=2) for _ in range(5)]
    assert order_of(b, *tasks) == [task.id for task in tasks]


def test_lower_priorities_go_first() -> None:
    b = bench()
    b.submit("first", n_predict=2)
    b.tick()
    late = b.submit("hello", n_predict=2, priority=5)
    normal = b.submit("hello", n_predict=2)
    urgent = b.submit("hello", n_predict=2, priority=-1)
    assert order_of(b, late, normal, urgent) == [urgent.id, normal.id, late.id]


def test_a_newcomer_does_not_wait_for_the_long_queue_of_another() -> None:
    b = bench()
    crowd = [b.submit("hello", n_predict=4, owner="crowd") for _ in range(20)]
    b.tick()
    single = b.submit("hello", n_predict=4, owner="single")
    ended = order_of(b, *crowd, single)
    assert ended.index(single.id) == 1


def test_owners_get_equal_shares_of_tokens_and_not_of_requests() -> None:
    b = bench(n_slots=2)
    owners = {}
    for _ in range(60):
        owners[b.submit("hello", n_predict=20, owner="long").id] = "long"
        owners[b.submit("hello", n_predict=5, owner="short").id] = "short"
    b.tick(200)
    ended = Counter(owners[task_id] for task_id in b.events)
    # five tokens of prompt, and two for each that is generated: 45 against 15
    assert 2.5 <= ended["short"] / ended["long"] <= 3.5


def test_turns_can_not_be_saved_up() -> None:
    b = bench()
    busy = [b.submit("hello", n_predict=8, owner="busy") for _ in range(16)]
    b.tick(40)
    n_before = len(b.events)
    # who comes late has been served nothing, and yet gets only every other turn
    late = [b.submit("hello", n_predict=8, owner="late") for _ in range(6)]
    next_six = order_of(b, *busy, *late)[n_before : n_before + 6]
    assert 2 <= len({task.id for task in late}.intersection(next_six)) <= 4


def test_a_large_prompt_for_a_slot_of_its_own_gets_its_cells() -> None:
    b = Bench(FakeRunner(n_slots=3, n_cells=64, n_ctx_slot=60))
    for letter, n in (("a", 7), ("b", 9)):
        b.submit(letter * 8, n_predict=n)
    b.tick(2)
    large = b.submit("c" * 58, n_predict=2, id_slot=2)
    for i in range(100):
        b.submit("abcdefgh"[i % 8] * 8, n_predict=7 + i % 3)
        b.tick(2)
    assert len(b.text(large)) == 2


def test_a_task_that_waited_too_long_is_refused() -> None:
    b = bench(queue_timeout_s=1.0)
    running = b.submit("hello", n_predict=50)
    b.tick()
    waiting = b.submit("hello", n_predict=2, t_submitted=b.now)
    b.tick()
    assert waiting.id not in b.events
    b.now += 1.1
    b.tick()
    assert b.failed(waiting).kind is ErrorKind.OVERLOADED
    b.run()
    assert b.finished(running)


def test_a_pinned_task_keeps_its_place_while_others_pass() -> None:
    b = bench(n_slots=2)
    b.submit("hello", n_predict=30, id_slot=0)
    b.tick()
    pinned = b.submit("hello", n_predict=2, id_slot=0)
    free = b.submit("hello", n_predict=2)
    b.tick()
    assert [task.id for task in b.engine.waiting] == [pinned.id]
    b.run()
    assert b.finished(free) and b.finished(pinned)
