"""Random schedules against the fake's model of the KV cells.

The fake runner checks every row (right token, right position, cells counted). On top of that: every
task ends exactly once, nothing is left behind, and a generation does not depend on its company.
"""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.stateful import invariant
from hypothesis.stateful import precondition
from hypothesis.stateful import rule

from server.engine.engine import EngineConfig
from server.engine.task import Failed
from server.engine.task import Task
from server.engine.task import is_last
from tests.engine.conftest import Bench
from tests.fakes import FakeRunner
from tests.fakes import next_letter

TEXTS = st.text("ab", min_size=1, max_size=30)


def expected_text(task: Task) -> str:
    """What the fake model says to task when it is alone."""
    tokens = task.prompt.tolist()
    for _ in range(task.n_predict):
        tokens.append(next_letter(tokens))
    return bytes(tokens[len(task.prompt) :]).decode()


class Schedules(RuleBasedStateMachine):
    """Clients come and go in any order; memory may be too small for all of them."""

    def __init__(self) -> None:
        super().__init__()
        runner = FakeRunner(n_slots=3, n_ctx_slot=48, n_batch=8, n_cells=100)
        runner.n_idle_cells = 30
        self.bench = Bench(runner, EngineConfig(host_cache_bytes=2000))
        self.open: dict[int, Task] = {}
        self.cancelled: set[int] = set()

    @rule(text=TEXTS, n_predict=st.integers(0, 15), cache=st.booleans(), slot=st.integers(-1, 4))
    def submit(self, text: str, n_predict: int, cache: bool, slot: int) -> None:
        task = self.bench.submit(text, n_predict=n_predict, cache_prompt=cache, id_slot=slot)
        self.open[task.id] = task

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        task_id = data.draw(st.sampled_from(sorted(self.open)))
        self.bench.cancel(self.open.pop(task_id))
        self.cancelled.add(task_id)

    @rule(n=st.integers(1, 6))
    def tick(self, n: int) -> None:
        self.bench.tick(n)

    @rule()
    def compute_error(self) -> None:
        self.bench.runner.fail_next = "Compute error."

    @invariant()
    def mirrors_equal_the_memory(self) -> None:
        for slot in self.bench.engine.slots:
            held = self.bench.runner.sequences.get(slot.id, [])
            assert np.array_equal(slot.sequence.tokens, held)

    def teardown(self) -> None:
        self.bench.run()
        for task_id, task in self.open.items():
            event = self.bench.last(task)
            if not isinstance(event, Failed):
                assert self.bench.finished(task).text == expected_text(task), task_id
        for task_id in self.cancelled:
            assert sum(is_last(event) for event in self.bench.events.get(task_id, [])) <= 1
        assert self.bench.runner.n_samplers == 0


TestSchedules = Schedules.TestCase
TestSchedules.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
