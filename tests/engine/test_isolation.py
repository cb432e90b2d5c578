"""What keeps requests apart: cache_prompt, cache_salt and LoRA adapters."""

from __future__ import annotations

import pytest

from server.engine.checkpoints import END_MARGIN
from server.engine.checkpoints import MIN_GAP
from server.engine.config import EngineConfig
from tests.engine.test_engine import MakeBench
from tests.engine.test_prefix import N_PREFIX
from tests.engine.test_prefix import PREFIX
from tests.engine.test_prefix import n_cached

LORA = ((0, 1.0),)


@pytest.mark.parametrize("is_running", [False, True])
@pytest.mark.parametrize(
    ("giver", "taker"),
    [
        ({"cache_prompt": False}, {}),
        ({}, {"cache_prompt": False}),
        ({"cache_salt": "a"}, {"cache_salt": "b"}),
        ({"cache_salt": "a"}, {}),
        ({"adapters": LORA}, {}),
        ({}, {"adapters": LORA}),
        ({"adapters": LORA}, {"adapters": ((0, 0.5),)}),
    ],
)
def test_requests_that_are_kept_apart_share_nothing(
    bench: MakeBench, giver: dict[str, object], taker: dict[str, object], is_running: bool
) -> None:
    b = bench()
    b.submit(PREFIX + "one", n_predict=30 if is_running else 1, **giver)
    b.tick(1 if is_running else 40)
    assert b.engine.is_idle is not is_running
    task = b.submit(PREFIX + "two", n_predict=1, **taker)
    b.run()
    assert n_cached(b, task) == 0


@pytest.mark.parametrize("kind", [{"cache_salt": "a"}, {"adapters": LORA}])
def test_requests_of_one_kind_share(bench: MakeBench, kind: dict[str, object]) -> None:
    b = bench()
    b.submit(PREFIX + "one", n_predict=30, **kind)
    b.tick(3)
    task = b.submit(PREFIX + "two", n_predict=1, **kind)
    b.run()
    assert n_cached(b, task) == N_PREFIX


def test_a_request_without_cache_waits_for_nobody_and_leaves_nothing(bench: MakeBench) -> None:
    b = bench(n_batch=16, n_ctx_slot=100)
    tasks = [b.submit(PREFIX, n_predict=1, cache_prompt=False) for _ in range(2)]
    b.run()
    assert [n_cached(b, task) for task in tasks] == [0, 0]
    task = b.submit(PREFIX, n_predict=1)
    b.run()
    assert n_cached(b, task) == 0


@pytest.mark.parametrize("text", [PREFIX, "short"])
@pytest.mark.parametrize("kind", [{}, {"can_cut": False}, {"n_slots": 2}])
def test_several_completions_without_cache_compute_their_prompt_once_and_leave_nothing(
    bench: MakeBench, text: str, kind: dict[str, object]
) -> None:
    alone = bench(n_ctx_slot=100).generate(text, n_predict=5).text
    b = bench(n_batch=16, n_ctx_slot=100, **kind)
    b.generate(text, n_predict=1)
    tasks = b.submit_several(3, text, n_predict=5, cache_prompt=False)
    b.run()
    assert [b.text(task) for task in tasks] == [alone] * 3
    n_shared = len(text) - 1
    if "can_cut" in kind:
        n_shared = len(text) - END_MARGIN if len(text) > MIN_GAP else 0
    assert [n_cached(b, task) for task in tasks] == [0, n_shared, n_shared]
    later = b.submit(text + "!", n_predict=1, cache_prompt=False)
    b.run()
    assert n_cached(b, later) == 0


def test_a_pinned_request_gets_nothing_of_a_request_without_cache(bench: MakeBench) -> None:
    b = bench()
    b.generate(PREFIX, n_predict=1, id_slot=1, cache_prompt=False)
    task = b.submit(PREFIX, n_predict=1, id_slot=1)
    b.run()
    assert n_cached(b, task) == 0


def test_a_request_without_cache_is_not_kept_in_host_memory(bench: MakeBench) -> None:
    b = bench(n_slots=1, n_seq=1, config=EngineConfig(host_cache_bytes=None))
    b.generate(PREFIX, n_predict=1, cache_prompt=False)
    b.generate("something else", n_predict=1)
    task = b.submit(PREFIX, n_predict=1)
    b.run()
    assert n_cached(b, task) == 0


def test_a_preempted_request_without_cache_says_what_it_says_alone(bench: MakeBench) -> None:
    config = EngineConfig(host_cache_bytes=None)
    alone = bench(n_cells=60, n_ctx_slot=60).generate("b" * 20, n_predict=30).text
    b = bench(n_cells=60, n_ctx_slot=60, config=config)
    tasks = [b.submit(c * 20, n_predict=30, cache_prompt=False) for c in "ab"]
    b.run()
    assert b.engine.slots.stats.n_preempted > 0
    assert b.text(tasks[1]) == alone


def test_traffic_without_hits_costs_what_it_costs_without_a_cache(bench: MakeBench) -> None:
    batches = []
    for cache_prompt in (True, False):
        b = bench(n_batch=16, n_ctx_slot=60, n_cells=400)
        # four at a time, ten times; no two prompts begin with the same letter
        for i in range(10):
            for k in range(4):
                prompt = chr(48 + 4 * i + k) * (10 + 9 * k)
                b.submit(prompt, n_predict=5 + i, cache_prompt=cache_prompt)
            b.run()
        assert b.engine.slots.stats.n_prompt_cached == 0
        batches.append(b.runner.batches)
    assert batches[0] == batches[1]
