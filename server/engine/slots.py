"""All slots, with the memory behind them and the events that leave them.

The one place where a slot's mirror of its sequence and the runner's memory change together, so
that they cannot disagree. Engine thread only.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator

from server.engine import prefix
from server.engine.errors import BadSampling
from server.engine.host_cache import HostCache
from server.engine.runner import ModelRunner
from server.engine.slot import Slot
from server.engine.slot import SlotState
from server.engine.stats import Stats
from server.engine.task import ErrorKind
from server.engine.task import Event
from server.engine.task import Failed
from server.engine.task import StopType
from server.engine.task import Task
from server.engine.waiting import SHUTTING_DOWN

WORTH_SAVING = 0.5
"""A sequence is saved before it is cut to less than this part (as in the reference)."""


class Slots:
    """The slots of one runner; `events` collects what is due since it was last emptied."""

    def __init__(
        self, runner: ModelRunner, host_cache: HostCache, clock: Callable[[], float]
    ) -> None:
        self._runner = runner
        self._host_cache = host_cache
        self._clock = clock
        self._slots = [Slot(i, runner.info.n_ctx_slot) for i in range(runner.info.n_slots)]
        self.events: list[Event] = []
        self.stats = Stats()
        self.has_changed = True
        """Whether a request began or ended since the last snapshot."""

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots)

    @property
    def busy(self) -> list[Slot]:
        """Slots with a running request."""
        return [slot for slot in self._slots if slot.is_busy]

    def choose(self, task: Task, min_similarity: float) -> Slot | None:
        """An idle slot for task, None if it must wait."""
        return prefix.choose_slot(self._slots, task, min_similarity)

    # begin

    def start(self, slot: Slot, task: Task) -> None:
        """Begin task in an idle slot, with what the slot holds of its prompt."""
        try:
            sampler = self._runner.new_sampler(task.sampling)
        except BadSampling as error:
            self.fail_task(task, ErrorKind.INVALID_REQUEST, str(error))
            return
        self._bring_prefix(slot, task)
        n_cached = prefix.n_reusable(slot, task, can_cut=self._runner.can_cut)
        self.cut(slot, n_cached)
        self._bound_idle(slot)
        now = self._clock()
        slot.start(task, sampler, n_cached, now)
        self.stats.n_prompt_cached += n_cached
        self.has_changed = True
        if task.stream and task.return_progress:
            self.events.append(slot.progress(now))

    # end

    def finish(self, slot: Slot) -> None:
        """End a request whose slot says that nothing follows."""
        self.events.append(slot.finished())
        self.stats.add_finished(slot)
        self.release(slot)

    def fail(self, slot: Slot, kind: ErrorKind, message: str) -> None:
        """End a request that can't go on."""
        if slot.task is not None:
            self.fail_task(slot.task, kind, message)
        self.release(slot)

    def fail_task(self, task: Task, kind: ErrorKind, message: str) -> None:
        """Tell a task's client that it failed."""
        n_ctx = self._runner.info.n_ctx_slot
        self.events.append(Failed(task.id, kind, message, len(task.prompt), n_ctx))

    def cancel(self, task_ids: frozenset[int]) -> None:
        """End requests whose client is gone; nothing is said."""
        for slot in self.busy:
            if slot.task_id in task_ids:
                self.release(slot)

    def end_all(self) -> None:
        """End every request now: what was generated is the client's, so it ends properly."""
        for slot in self.busy:
            if slot.state is SlotState.DECODE:
                slot.stop(StopType.LIMIT)
                slot.truncated = True
                self.finish(slot)
            else:
                self.fail(slot, ErrorKind.UNAVAILABLE, SHUTTING_DOWN)

    def release(self, slot: Slot) -> None:
        """Free the slot and its sampler; its sequence stays for the next request."""
        slot.release(self._clock())
        self.has_changed = True

    # memory

    def cut(self, slot: Slot, n_tokens: int) -> None:
        """Keep the first n_tokens of a slot's sequence."""
        self._runner.cut(slot.id, n_tokens)
        slot.sequence.truncate(n_tokens)

    def _bring_prefix(self, slot: Slot, task: Task) -> None:
        """Save what the slot is about to lose; restore what the host cache holds of the prompt."""
        can_cut = self._runner.can_cut
        n_here = prefix.n_reusable(slot, task, can_cut=can_cut)
        if n_here < slot.sequence.n_tokens * WORTH_SAVING:
            self._save(slot)
        best = self._host_cache.best(task.prompt, can_cut=can_cut) if task.cache_prompt else None
        if best is None or best[0] <= n_here:
            return
        entry = best[1]
        self.cut(slot, 0)
        if self._runner.restore(slot.id, entry.state):
            slot.sequence.extend(entry.tokens)

    def _bound_idle(self, starting: Slot) -> None:
        """Every row looks at the cells of idle sequences: move what costs too much to the host."""
        idle = [s for s in self._slots if s is not starting and not s.is_busy]
        idle.sort(key=lambda slot: slot.last_used)
        n_cells = sum(slot.sequence.n_tokens for slot in idle)
        for slot in idle:
            if n_cells <= self._runner.n_idle_cells or not self._host_cache.is_enabled:
                return
            n_cells -= slot.sequence.n_tokens
            self._save(slot)
            self.cut(slot, 0)

    def _save(self, slot: Slot) -> None:
        """Copy a sequence to the host cache, unless it is there."""
        tokens = slot.sequence.tokens
        if not len(tokens) or not self._host_cache.is_enabled or self._host_cache.covers(tokens):
            return
        state = self._runner.save(slot.id)
        if state is not None:
            self._host_cache.put(tokens, state)

    def forget_idle(self) -> bool:
        """Drop the least recently used idle sequence; False if there is none."""
        idle = [slot for slot in self._slots if not slot.is_busy and slot.sequence.n_tokens]
        if idle:
            oldest = min(idle, key=lambda slot: slot.last_used)
            self._save(oldest)
            self.cut(oldest, 0)
        return bool(idle)
