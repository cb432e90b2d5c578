"""The engine: drain the inbox, plan, decode, sample, publish.

`tick()` is one step and needs no thread; `run()` repeats it. The engine knows no native library
(that is the runner), no policy of its own (that is `scheduler`, `prefix` and `pressure`) and no
HTTP. Answers to `update_slots` of llama.cpp `tools/server/server-context.cpp`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import numpy as np

from server.engine import report
from server.engine.actions import Actions
from server.engine.ahead import Ahead
from server.engine.checkpoints import Planner
from server.engine.compaction import Compaction
from server.engine.config import EngineConfig
from server.engine.embeddings import Embeddings
from server.engine.errors import DecodeFailed
from server.engine.errors import KvFull
from server.engine.faults import Faults
from server.engine.idle import IdleCost
from server.engine.mailbox import Cancel
from server.engine.mailbox import Embed
from server.engine.mailbox import EndReasoning
from server.engine.mailbox import EraseSlot
from server.engine.mailbox import Mailbox
from server.engine.mailbox import Message
from server.engine.mailbox import RestoreSlot
from server.engine.mailbox import SaveSlot
from server.engine.mailbox import Status
from server.engine.mailbox import Stop
from server.engine.mailbox import Submit
from server.engine.memory import Memory
from server.engine.outputs import Outputs
from server.engine.pressure import Pressure
from server.engine.runner import ModelRunner
from server.engine.sampling import n_history
from server.engine.scheduler import BatchPlan
from server.engine.scheduler import Chunk
from server.engine.scheduler import Scheduler
from server.engine.slot import Slot
from server.engine.slot import SlotState
from server.engine.slots import Slots
from server.engine.snapshot import Snapshot
from server.engine.stats import End
from server.engine.task import EmbeddingTask
from server.engine.task import ErrorKind
from server.engine.task import StopType
from server.engine.task import Task
from server.engine.waiting import SHUTTING_DOWN
from server.engine.waiting import Waiting

SNAPSHOT_INTERVAL_S = 0.05
"""While nothing begins or ends, the snapshot is at most this old."""

BINDING = 0.25
"""Of the longest step, while others generate, what states may take on their way to and from the
host until no more requests begin in it."""

AROUND_S = 60.0
"""What a step may take beside its batch: sampling, states on their way to host memory and back."""


class Engine:
    """Continuous batching over one runner. Every method but __init__ is the engine thread's."""

    def __init__(
        self,
        runner: ModelRunner,
        mailbox: Mailbox,
        config: EngineConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.runner = runner
        self._config = config or EngineConfig()
        n_checkpoints = 0 if runner.can_cut else self._config.n_checkpoints
        host_bytes = self._config.host_cache_bytes
        self.memory = Memory(runner, host_bytes, clock, n_checkpoints=n_checkpoints)
        shifts = self._config.context_shift and runner.can_shift
        planner = Planner(runner.tokenizer, n_checkpoints, self._config.checkpoint_min_step)
        compaction = Compaction(runner, self.memory, self._config.compact_bytes)
        self.slots = Slots(runner, compaction, planner, clock, shifts=shifts)
        self._pressure = Pressure(self.slots, self.memory)
        self._faults = Faults(self.slots, self.memory, self._compute, self._plan_for)
        self._outputs = Outputs(runner, self.slots, self._faults, clock)
        max_step_s = self._config.max_step_ms / 1e3
        self._scheduler = Scheduler(
            max_step_s, joins=self._config.joins_running, mixes=runner.mixes_prompts
        )
        self.waiting = Waiting(runner.info)
        self._pulse = mailbox.pulse
        self.embeddings = Embeddings(
            runner, self.slots, self.memory, clock, max_step_s, self._pulse
        )
        self._actions = Actions(runner, self.slots, self._pressure, self.waiting, clock)
        self._idle_cost = IdleCost(runner, self.memory)
        self._keeps_idle = self._config.cache_idle_slots and self.memory.host_cache.is_enabled
        self.ahead = Ahead(runner, self.memory, is_wanted=self._keeps_idle)
        self._mailbox = mailbox
        self._clock = clock
        self._stop_at: float | None = None
        self._snapshot_at = float("-inf")
        self._publish()

    # loop

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs and nothing waits."""
        waits = self.waiting or self.embeddings or self._actions
        return not waits and not self.slots.busy

    @property
    def is_stopped(self) -> bool:
        """Whether a stop was asked for and nothing is left to do."""
        return self._stop_at is not None and self.is_idle

    def run(self) -> None:
        """Tick until stopped; sleep in the inbox while there is nothing to do."""
        while not self.is_stopped:
            if self.is_idle:
                self._handle(self.ahead.wait(self._mailbox, self._pulse))
            self.tick()

    def tick(self) -> None:
        """One step: all that can be done now, at most a batch of each kind, one wake-up."""
        self._handle(self._mailbox.drain())
        if self._stop_at is not None and self._clock() >= self._stop_at:
            self._end_everything()
        if self._actions:
            self._pulse.rest()  # states of any size are saved and restored
            self._actions.run()
        self._pulse.allow(AROUND_S)
        self._expire()
        self._admit()
        if self.slots.has_changed:  # what begins shows before its first step, which may be long
            self._publish()
        self._step()
        self._embed()
        self._publish()
        if self._keeps_idle:
            self._idle_cost.settle()

    def close(self) -> None:
        """End what is left, free the model, say so."""
        self._end_everything()
        self._publish()
        self._pulse.rest()
        self.runner.close()
        self._mailbox.show(status=Status.STOPPED)

    def abandon(self) -> None:
        """After a bug or a native fault: tell every client, touch the model no more."""
        self._pulse.rest()
        tasks: list[Task | EmbeddingTask] = [*self.waiting.take_all(), *self.embeddings.abandon()]
        tasks += [slot.task for slot in self.slots.busy if slot.task is not None]
        for task in tasks:
            self.slots.fail_task(task, ErrorKind.SERVER, "The engine failed; see the log.")
        self._mailbox.publish(self.slots.events)

    # in

    def _handle(self, messages: list[Message]) -> None:
        for message in messages:
            match message:
                case Submit(tasks):
                    refusals = [self.waiting.add(task) for task in tasks]
                    self.slots.refuse(failed for failed in refusals if failed is not None)
                case Embed(tasks):
                    self.embeddings.add(tasks)
                case SaveSlot() | RestoreSlot() | EraseSlot():
                    self._actions.add(message)
                case EndReasoning(wish_id, cmpl_id):
                    self.slots.end_reasoning(wish_id, cmpl_id)
                case Cancel(task_ids):
                    self._actions.remove(frozenset(task_ids))
                    n_gone = self.waiting.remove(frozenset(task_ids))
                    self.slots.stats.ended[End.CANCELLED] += n_gone
                    self.embeddings.remove(frozenset(task_ids))
                    self.slots.cancel(frozenset(task_ids))
                case Stop(grace_s):
                    deadline = self._clock() + grace_s
                    self._stop_at = min(deadline, self._stop_at or deadline)
                    self.waiting.is_closed = self.embeddings.is_closed = True

    def _expire(self) -> None:
        timeout_s = self._config.queue_timeout_s
        if timeout_s:
            message = f"No slot became free within {timeout_s:g} s (--queue-timeout)."
            for task in self.waiting.take_older(self._clock() - timeout_s):
                self.slots.fail_task(task, ErrorKind.OVERLOADED, message)
            self.embeddings.expire(timeout_s)

    def _admit(self) -> None:
        for slot, task in self.waiting.startable(self._choose, self._has_room):
            self.slots.start(slot, task)

    def _has_room(self, task: Task) -> bool:
        return not self.embeddings.lent.comes_before(task.id) and self._pressure.can_admit(task)

    def _choose(self, task: Task) -> Slot | None:
        return self.slots.choose(task, self._config.slot_prompt_similarity)

    def _end_everything(self) -> None:
        self._actions.end_all()
        for task in self.waiting.take_all():
            self.slots.fail_task(task, ErrorKind.UNAVAILABLE, SHUTTING_DOWN)
        self.embeddings.end_all()
        self.slots.end_all()

    # one batch

    def _embed(self) -> None:
        n_streams = sum(slot.state is SlotState.DECODE for slot in self.slots)
        if not self.embeddings.step(n_streams=n_streams):
            self._faults.heal([])

    def _step(self) -> None:
        self._pressure.resume()
        self.slots.bind_waiting(self._config.max_step_ms / 1e3 * BINDING)
        lent, add_bos = self.embeddings.lent, self.runner.tokenizer.add_bos
        others_wait = self.waiting.lacks_cells or lent.are_wanted or self._actions.lack_cells
        self._pressure.shift_full(self._clock(), add_bos=add_bos, others_wait=others_wait)
        plan = self._plan()
        while plan:
            try:
                spoiled = self._compute(plan)
            except KvFull:
                plan = self._pressure.shrink(plan) or self._plan()
            except DecodeFailed as error:
                self._faults.isolate(plan, str(error))
                return
            else:
                if spoiled:
                    self._faults.heal(spoiled)
                return

    def _plan(self) -> BatchPlan:
        """The next batch, which finds its cells."""
        while True:
            plan = self._scheduler.plan(self.slots, self.runner.info.n_batch, self._clock())
            fitting = self._pressure.fit(plan) if plan else plan
            if fitting is not None:
                return fitting

    def _plan_for(self, slot: Slot) -> BatchPlan:
        slots = [] if slot.must_shift else [slot]
        return self._scheduler.plan(slots, self.runner.info.n_batch, self._clock())

    def _compute(self, plan: BatchPlan) -> list[Slot]:
        """Decode and sample; the slots whose output is no number. KvFull, DecodeFailed."""
        self._decode(plan)
        return self._outputs.sample()

    def _decode(self, plan: BatchPlan) -> None:
        self._build(plan)
        self._pulse.allow(self._scheduler.plausible_s(plan))
        started = self._clock()
        self.runner.decode()
        now = self._clock()
        self._decoded(plan, started, now)

    def _build(self, plan: BatchPlan) -> None:
        """Write the batch."""
        runner = self.runner
        for slot in self.slots:
            slot.i_batch = -1
        runner.clear_batch()
        for slot in plan.decoding:
            slot.i_batch = self._add_pending(slot)
        for chunk in plan.chunks:
            chunk.slot.i_batch = self._add_chunk(chunk)
        runner.use_adapters(plan.adapters)

    def _decoded(self, plan: BatchPlan, started: float, now: float) -> None:
        """Take down that sequences have grown, and what it took."""
        self._pulse.allow(AROUND_S)
        self.slots.stats.add_step(plan, now - started, now)
        self._scheduler.observe(plan, now - started)
        if self.waiting.shares.is_contended:
            self.waiting.shares.charge_decoded(plan.decoding)
        for slot in plan.decoding:
            self._append_pending(slot)
        for chunk in plan.chunks:
            self._prefilled(chunk, now)
        self._idle_cost.charge(now - started)

    def _add_pending(self, slot: Slot) -> int:
        sequence, pending = slot.sequence, slot.pending
        if len(pending) == 1:
            return self.runner.add_row(pending[0], sequence.n_tokens, sequence.id)
        tokens = np.array(pending, np.int32)
        return self.runner.add_chunk(tokens, sequence.n_tokens, sequence.id, wants_logits=True)

    def _append_pending(self, slot: Slot) -> None:
        if len(slot.pending) == 1:
            self.memory.append(slot.sequence, slot.pending[0])
        else:
            self.memory.extend(slot.sequence, np.array(slot.pending, np.int32))

    def _add_chunk(self, chunk: Chunk) -> int:
        seq_id, wants_logits = chunk.slot.sequence.id, chunk.wants_logits
        i_last = self.runner.add_chunk(chunk.tokens, chunk.start, seq_id, wants_logits=wants_logits)
        return i_last if wants_logits else -1

    def _prefilled(self, chunk: Chunk, now: float) -> None:
        slot = chunk.slot
        self.memory.extend(slot.sequence, chunk.tokens)
        if slot.sequence.n_tokens in slot.breaks:
            self.memory.checkpoint(slot.sequence)
        slot.prefilled(chunk.n, now)
        task = slot.task
        assert task is not None
        if not slot.wants_logits:
            return
        if task.stream and task.return_progress:
            self.slots.events.append(slot.progress(now))
        if slot.state is SlotState.DECODE:
            slot.show_history(n_history(task.sampling))
            if task.n_predict == 0:
                slot.generation.stop(StopType.LIMIT)
                self.slots.finish(slot)

    # out

    def _publish(self) -> None:
        now, slots = self._clock(), self.slots
        is_due = now - self._snapshot_at >= SNAPSHOT_INTERVAL_S
        if slots.has_changed or is_due or self.is_idle:  # an idle engine shows nothing later
            with_text = self._config.show_text
            shown = tuple(slot.snapshot(with_text=with_text) for slot in slots)
            counters, cells = slots.stats.counters(), self.memory.cells
            n_waiting = len(self.waiting) + len(self.embeddings)
            snapshot = Snapshot(shown, n_waiting, counters, cells.n_cells, cells.n_used)
            self._mailbox.show(snapshot=snapshot)
            self._snapshot_at, slots.has_changed = now, False
        if slots.lines:
            lines, slots.lines = slots.lines, []
            for line in lines:
                self._mailbox.log(report.LOGGER, logging.INFO, *line)
        if slots.events:
            events, slots.events = slots.events, []
            self._mailbox.publish(events)
