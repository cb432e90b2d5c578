"""Random schedules against a model of the KV cells.

The fake runner keeps the cells as libllama does and checks every row: right token, right position,
right adapters, no shared cell moved, cells counted once. On top of that: the engine's mirror equals
the memory, every request ends exactly once and says what it would say alone, and nothing is left
behind. Memory may be too small for everybody, decoding may fail, outputs may be no numbers, clients
may leave at any moment.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.stateful import initialize
from hypothesis.stateful import invariant
from hypothesis.stateful import rule

from server.engine.config import EngineConfig
from server.engine.mailbox import EraseSlot
from server.engine.mailbox import RestoreSlot
from server.engine.mailbox import SaveSlot
from server.engine.mailbox import SlotAction
from server.engine.task import Failed
from server.engine.task import SlotDone
from server.engine.task import Task
from tests.engine.conftest import Bench
from tests.engine.conftest import shifted
from tests.fakes import BOS
from tests.fakes import FakeRunner

N_CTX_SLOT = 48
N_STEPS = {"examples": 50, "rules": 12, "burst": 40, "example": 340, "all": 17_000}
"""Every example takes at least 340 steps of the engine in which it had something to do, so that
there are at least 17,000 for each of six kinds, more than 100,000 in all: `machine` checks that."""

WEIGHTS = {
    **{"come": 18, "leave": 6, "full": 3, "break": 1, "spoil": 2, "refuse": 2, "slot": 3},
    "nothing": 65,
}

N_WAITING = 6
"""So many may wait before nobody comes in a burst: a longer queue makes the same steps dearer."""

SYSTEM = "you are a helpful assistant, "
PRIVATE = "private"


def expected_text(task: Task, *, shifts: bool) -> str:
    """What the fake model says to task when it is alone."""
    tokens = task.prompt.tolist()
    n_predict = task.n_predict if shifts else min(task.n_predict, N_CTX_SLOT - len(tokens))
    return shifted(tokens, n_predict, N_CTX_SLOT, task.n_keep, task.n_discard)


class Clients:
    """Clients of one engine that come and go at random."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.runner.owner_of = self.owner_of
        self.n_steps = 0
        """Those in which there was something to do."""
        self.open: dict[int, Task] = {}
        self.cancelled: dict[int, int] = {}
        """Tasks whose client left, and the events that they had then."""
        self.actions: list[int] = []
        self.n_broken = 0
        self.n_refused = 0

    def submit(self, rng: random.Random) -> None:
        """A request, of one or more completions, with a prompt that may begin as others do."""
        system = list(SYSTEM[: rng.choice((0, 8, 29, 29))].encode())
        turn = [BOS] if len(system) == len(SYSTEM) and rng.random() < 0.7 else []
        text = system + turn + [ord(rng.choice("ab")) for _ in range(rng.randint(1, 14))]
        adapters = rng.choice(((), (), (), ((0, 1.0),), ((1, 1.0),)))
        is_activated = adapters == ((1, 1.0),)
        fields: dict[str, object] = {
            "n_predict": rng.choice((0, 3, 7, 15, 30)),
            "n_keep": rng.choice((0, 0, 7, -1)),
            "n_discard": rng.choice((0, 0, 2)),
            "stream": rng.random() < 0.5,
            "cache_prompt": rng.random() < 0.9,
            "cache_salt": rng.choice(("", "", "", "salt")),
            "adapters": adapters,
            "n_bare": rng.randint(0, len(text) - 1) if is_activated else 0,
            "n_cache_reuse": rng.choice((0, 0, 0, 3)),
            "id_slot": rng.choice((-1, -1, -1, 0, 2)),
            "owner": rng.choice(("", "", "another")),
            "priority": rng.choice((0, 0, 1)),
        }
        n = rng.choice((1, 1, 1, 1, 3))  # some ask for several completions
        self.open.update((task.id, task) for task in self.bench.submit_several(n, text, **fields))

    def leave(self, rng: random.Random) -> None:
        """One client goes away."""
        if self.open:
            task_id = rng.choice(sorted(self.open))
            self.bench.cancel(self.open.pop(task_id))
            self.cancelled[task_id] = len(self.bench.events.get(task_id, []))

    def owner_of(self, seq_id: int) -> str:
        """Whose prefix a running sequence may take: that of an equal salt, or nobody's."""
        for slot in self.bench.engine.slots:
            if slot.is_busy and slot.task is not None and slot.sequence.id == seq_id:
                task = slot.task
                first = task.id if task.first < 0 else task.first
                return f"salt {task.cache_salt}" if task.cache_prompt else f"{PRIVATE} {first}"
        raise AssertionError(f"sequence {seq_id} is computed for nobody")

    def act_on_slot(self, rng: random.Random) -> None:
        """A slot is saved, erased, or filled with what was saved before."""
        id_slot, action_id = rng.randrange(3), self.bench.next_id()
        states = [event for events in self.bench.events.values() for event in events]
        saved = [event for event in states if isinstance(event, SlotDone) and len(event.state)]
        saved = [event for event in saved if not self._is_private(event)]
        action: SlotAction = rng.choice((SaveSlot, EraseSlot))(action_id, id_slot)
        if saved and rng.random() < 0.5:
            old = rng.choice(saved[-8:])
            scope = (old.cache_salt, old.adapters, old.n_bare)
            action = RestoreSlot(action_id, id_slot, old.tokens, old.state, *scope)
        self.bench.mailbox.post(action)
        self.actions.append(action_id)

    def _is_private(self, event: SlotDone) -> bool:
        return any(owner.startswith(PRIVATE) for owner in self.bench.runner.owners(event.state))

    def act(self, rng: random.Random) -> None:
        """One random thing, then one step of the engine."""
        match rng.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))[0]:
            case "slot":
                self.act_on_slot(rng)
            case "refuse":
                self.bench.runner.refuse_next = True
            case "come" if len(self.bench.engine.waiting) < N_WAITING:
                self.submit(rng)
            case "leave":
                self.leave(rng)
            case "full":
                self.bench.runner.full_next = True
                self.n_refused += 1
            case "break":
                self.bench.runner.fail_next = "Compute error."
                self.n_broken += 1
            case "spoil":
                self.bench.runner.spoil_next = True
        self.tick()

    def tick(self, n: int = 1) -> None:
        """n steps of the engine."""
        for _ in range(n):
            n_batches = len(self.bench.runner.batches)
            is_idle = self.bench.engine.is_idle
            if is_idle:
                self.bench.engine.ahead.step()
            self.bench.tick()
            self.n_steps += not is_idle or len(self.bench.runner.batches) > n_batches


class Schedules(RuleBasedStateMachine):
    """See the module's docstring."""

    make_runner: Callable[[], FakeRunner]
    shifts = False
    n_steps = 0
    """Of all examples."""

    @initialize(
        n_cells=st.integers(N_CTX_SLOT, 200),
        host=st.sampled_from([0, 600, 20_000, None]),
        max_step_ms=st.sampled_from([1e-3, 100.0]),
        compact=st.sampled_from([0, 400, 1 << 20]),
    )
    def start(self, n_cells: int, host: int | None, max_step_ms: float, compact: int) -> None:
        runner = type(self).make_runner()
        runner.n_cells = n_cells
        runner.n_idle_cells = 1
        config = EngineConfig(
            host_cache_bytes=host,
            context_shift=self.shifts,
            max_step_ms=max_step_ms,
            compact_bytes=compact,
        )
        self.clients = Clients(Bench(runner, config))
        self.bench = self.clients.bench
        self.bench.look_s = 1e-6

    @rule(seed=st.integers(0, 2**32), n=st.integers(1, 4))
    def come(self, seed: int, n: int) -> None:
        rng = random.Random(seed)
        for _ in range(n):
            self.clients.submit(rng)

    @rule(seed=st.integers(0, 2**32))
    def leave(self, seed: int) -> None:
        self.clients.leave(random.Random(seed))

    @rule(n=st.integers(1, 6))
    def tick(self, n: int) -> None:
        self.clients.tick(n)

    @rule(seed=st.integers(0, 2**32))
    def burst(self, seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(N_STEPS["burst"]):
            self.clients.act(rng)

    @invariant()
    def mirrors_equal_the_memory(self) -> None:
        runner, memory = self.bench.runner, self.bench.engine.memory
        for sequence in memory.sequences:
            assert np.array_equal(sequence.tokens, runner.held(sequence.id))
        assert memory.cells.n_used == runner.n_used
        ids = [sequence.id for sequence in memory.sequences]
        assert len(ids) == len(set(ids))
        assert len(ids) + len(memory._free_ids) == runner.n_seq

    def teardown(self) -> None:
        if not hasattr(self, "bench"):
            return
        while self.clients.n_steps < N_STEPS["example"]:
            self.burst(self.clients.n_steps)
            self.mirrors_equal_the_memory()
        type(self).n_steps += self.clients.n_steps
        self.bench.run()
        self.mirrors_equal_the_memory()
        n_failed = 0
        for task_id, task in self.clients.open.items():
            if isinstance(self.bench.last(task), Failed):
                n_failed += 1
            else:
                expected = expected_text(task, shifts=self.shifts)
                assert self.bench.text(task) == expected, task_id
        # a failed batch ends what was in it, one that finds no cells a request that runs alone
        n_slots = self.bench.runner.info.n_slots
        assert n_failed <= self.clients.n_broken * n_slots + self.clients.n_refused
        for task_id, n_before in self.clients.cancelled.items():
            assert len(self.bench.events.get(task_id, [])) <= n_before
        for action_id in self.clients.actions:
            assert len(self.bench.events[action_id]) == 1
        assert self.bench.runner.n_samplers == 0


LIMITS = settings(
    max_examples=N_STEPS["examples"],
    stateful_step_count=N_STEPS["rules"],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def machine(*, shifts: bool = False, **kind: object) -> type[RuleBasedStateMachine]:
    """The test case for one kind of memory."""

    def make_runner() -> FakeRunner:
        return FakeRunner(n_slots=3, n_ctx_slot=N_CTX_SLOT, n_batch=16, **kind)  # type: ignore[arg-type]

    body = {"make_runner": staticmethod(make_runner), "shifts": shifts}
    case: type[Schedules] = type("Schedules", (Schedules,), body)

    class Counted(case.TestCase):  # type: ignore[misc,name-defined]
        settings = LIMITS

        def runTest(self) -> None:
            super().runTest()
            assert case.n_steps >= N_STEPS["all"]

    return Counted


TestUnifiedBuffer = machine(n_seq=6)
TestShiftedContexts = machine(n_seq=6, shifts=True)
TestNoSpareSequences = machine(n_seq=3)
TestSplitStreams = machine(n_seq=3, can_share=False)
TestMemoryThatCannotBeCut = machine(n_seq=4, can_cut=False)
TestMemoryWithAWindow = machine(n_seq=3, window=8)
