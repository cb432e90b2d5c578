"""--no-cont-batching: who comes while others generate waits for all of them."""

from __future__ import annotations

from collections.abc import Callable

from server.engine.config import EngineConfig
from server.engine.task import Task
from server.launch import engine_config
from server.options.resolve import settings_from
from tests.engine.conftest import Bench

MakeBench = Callable[..., Bench]

ALONE = EngineConfig(joins_running=False)


def n_tokens(bench: Bench, task: Task) -> int:
    return len(bench.events.get(task.id, ()))


def test_prompt_waits_until_all_others_have_ended(bench: MakeBench) -> None:
    b = bench(config=ALONE)
    first = b.submit("first", n_predict=6, stream=True)
    b.tick(2)
    second = b.submit("other", n_predict=6, stream=True)
    b.tick(3)
    assert (n_tokens(b, first), n_tokens(b, second)) == (5, 0)
    b.run()
    assert [len(b.text(task)) for task in (first, second)] == [6, 6]


def test_prompts_that_come_together_are_answered_together(bench: MakeBench) -> None:
    b = bench(config=ALONE)
    tasks = [b.submit(text, n_predict=6, stream=True) for text in ("first", "other")]
    b.tick(3)
    assert [n_tokens(b, task) for task in tasks] == [3, 3]


def test_prompt_joins_others_by_default(bench: MakeBench) -> None:
    b = bench()
    b.submit("first", n_predict=6, stream=True)
    b.tick(2)
    second = b.submit("other", n_predict=6, stream=True)
    b.tick(1)
    assert n_tokens(b, second) == 1


def test_option_reaches_the_engine() -> None:
    assert not engine_config(settings_from(["-m", "x", "--no-cont-batching"], {})).joins_running
    assert engine_config(settings_from(["-m", "x"], {})).joins_running
