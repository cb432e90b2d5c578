"""All slots: requests begin and end here, and events leave here.

A request starts in a slot without tokens of its own (state WAIT); then it is bound to a sequence
that holds as much of its prompt as can be had, at once or when another request has computed it.
Engine thread only.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator

from server.engine import prefix
from server.engine import report
from server.engine.checkpoints import Planner
from server.engine.compaction import Compaction
from server.engine.errors import BadSampling
from server.engine.prefix import Match
from server.engine.prefix import Wanted
from server.engine.runner import ModelRunner
from server.engine.sequence import Sequence
from server.engine.slot import Slot
from server.engine.slot import SlotState
from server.engine.stats import End
from server.engine.stats import Stats
from server.engine.task import EmbeddingTask
from server.engine.task import ErrorKind
from server.engine.task import Event
from server.engine.task import Failed
from server.engine.task import ReasoningEnded
from server.engine.task import StopType
from server.engine.task import Task
from server.engine.waiting import SHUTTING_DOWN

WORTH_KEEPING = 16
"""A tail of fewer tokens is cut off rather than retained under a sequence id of its own."""


class Slots:
    """The slots of one runner; `events` collects what is due since it was last emptied."""

    def __init__(
        self,
        runner: ModelRunner,
        compaction: Compaction,
        planner: Planner,
        clock: Callable[[], float],
        *,
        shifts: bool,
    ) -> None:
        self._runner = runner
        self._planner = planner
        self._memory = memory = compaction.memory
        self._compaction = compaction
        self._clock = clock
        self._slots = []
        for slot_id in range(runner.info.n_slots):
            sequence = memory.new(prefix.NO_SCOPE)
            assert sequence is not None
            self._slots.append(Slot(slot_id, runner.info.n_ctx_slot, sequence, shifts=shifts))
        self.events: list[Event] = []
        self.lines: list[report.Line] = []
        """For the log: requests that ended since it was last emptied."""
        self.stats = Stats()
        self.has_changed = True
        """Whether a request began or ended since the last snapshot."""

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots)

    def at(self, id_slot: int) -> Slot:
        """A slot by a number that may be too large, as the reference takes it."""
        return self._slots[id_slot % len(self._slots)]

    @property
    def busy(self) -> list[Slot]:
        """Slots with a running request."""
        return [slot for slot in self._slots if slot.is_busy]

    def choose(self, task: Task, min_similarity: float) -> Slot | None:
        """An idle slot for task, None if it must wait."""
        return prefix.choose_slot(self._slots, task, min_similarity)

    # begin

    def start(self, slot: Slot, task: Task) -> None:
        """Begin task in an idle slot."""
        try:
            sampler = self._runner.new_sampler(task.sampling)
        except BadSampling as error:
            self.fail_task(task, ErrorKind.INVALID_REQUEST, str(error))
            return
        can_share = task.cache_prompt or task.first >= 0
        breaks = self._planner.plan(task.prompt, task.turns) if can_share else ()
        slot.start(task, sampler, prefix.scope_of(task), self._clock(), breaks)
        self.has_changed = True

    def bind_waiting(self, most_s: float = 0.0) -> None:
        """Give every slot that waits for a prefix the best one, unless a better one is coming.

        While others generate, the rest have to wait for the next step once that took most_s
        (0 = no limit): states that leave the KV memory or come back may take long.
        """
        waiting = [slot for slot in self._slots if slot.state is SlotState.WAIT]
        is_limited = most_s > 0 and any(slot.state is SlotState.DECODE for slot in self._slots)
        started = self._clock() if waiting else 0.0
        for slot in sorted(waiting, key=lambda slot: slot.task_id):
            self._bind(slot)
            if is_limited and self._clock() - started >= most_s:
                return

    def _bind(self, slot: Slot) -> None:
        task = slot.task
        assert task is not None
        if self._is_coming(slot):
            return
        n_max = len(slot.target) - (1 if slot.wants_logits else 0)
        wanted = Wanted(slot.target, slot.scope, n_max)
        match = self._match(slot, wanted, task)
        if self._compaction.run(self._going_on(slot, match)):
            match = self._match(slot, wanted, task)
        if task.id_slot < 0 and self._wait(slot, wanted, match):
            return
        sequence = self._take(slot, match, task, wanted)
        sequence.scope = slot.scope
        begins = not slot.has_begun
        slot.bind(sequence, match.divergence, self._clock())
        if task.sampling.backend_sampling and slot.sampler is not None:
            slot.sampler.attach(sequence.id)
        if begins:
            self.stats.add_begun(slot, self._clock())
            if task.stream and task.return_progress:
                self.events.append(slot.progress(self._clock()))

    def _match(self, slot: Slot, wanted: Wanted, task: Task) -> Match:
        own = slot.sequence
        if task.id_slot >= 0:
            return prefix.find_own(self._memory, wanted, own, slot.id)
        can_share = self._runner.can_share
        return prefix.find(self._memory, wanted, can_share=can_share, own=own)

    def _going_on(self, slot: Slot, match: Match) -> Sequence | None:
        """The source of a prefix, if slot will have it as it is, but for a few tokens."""
        source = match.sequence
        if source is None or source.n_tokens - match.n_tokens >= WORTH_KEEPING:
            return None
        is_taken = source is slot.sequence or self._memory.is_retained(source)
        return source if is_taken else None

    def n_shareable(self, task: Task) -> int:
        """Tokens of a task's prompt that need no cells of their own."""
        if not self._runner.can_share:
            return 0
        wanted = Wanted(task.prompt, prefix.scope_of(task), len(task.prompt) - 1)
        live = (slot for slot in self._slots if slot.is_busy)
        return max((wanted.shared_with(slot.target, slot.scope) for slot in live), default=0)

    # wait for a prefix

    def _is_coming(self, slot: Slot) -> bool:
        """Whether the request that slot waits for still computes what slot wants."""
        if slot.awaits is None:
            return False
        other, task_id, n_wanted = slot.awaits
        is_computing = other.state in (SlotState.WAIT, SlotState.PREFILL)
        is_ahead = other.task_id == task_id and is_computing
        return is_ahead and (other.state is SlotState.WAIT or other.sequence.n_tokens < n_wanted)

    def _wait(self, slot: Slot, wanted: Wanted, match: Match) -> bool:
        """Let slot wait if another request will soon hold more of what it wants."""
        if not self._runner.can_share:
            return False
        can_cut = self._runner.can_cut
        ahead = prefix.find_ahead(self._slots, slot, wanted, match.n_tokens, can_cut=can_cut)
        if ahead is None:
            return False
        other, n_tokens = ahead
        slot.awaits = (other, other.task_id, n_tokens)
        return True

    # take a prefix

    def _take(self, slot: Slot, match: Match, task: Task, wanted: Wanted) -> Sequence:
        """A sequence that holds what matched and nothing else."""
        memory, source, own = self._memory, match.sequence, slot.sequence
        if match.n_held:
            memory.admission.wanted(match.n_tokens, match.n_held)
        if self._may_move_chunks(slot, match, task):
            self._reuse_chunks(own, wanted, task.n_cache_reuse)
            return own
        if source is None:
            sequence = self._vacate(slot)
            if match.entry is not None and memory.restore(sequence, match.entry):
                memory.cut(sequence, match.n_tokens)
            return sequence
        has_tail = source.n_tokens - match.n_tokens >= WORTH_KEEPING
        if source is own:
            return self._continue_own(slot, match.n_tokens, has_tail=has_tail)
        if memory.is_retained(source) and not has_tail:
            memory.adopt(source)
            memory.retain(own)
            memory.cut(source, match.n_tokens)
            return source
        sequence = self._vacate(slot, keep=source)
        memory.copy_prefix(source, sequence, match.n_tokens)
        return sequence

    def _continue_own(self, slot: Slot, n_tokens: int, *, has_tail: bool) -> Sequence:
        """Cut the slot's own sequence, or copy its beginning if its tail may be of use."""
        memory, own = self._memory, slot.sequence
        can_copy = memory.rewinder.usable(own, n_tokens, is_copied=True) == n_tokens
        can_copy = can_copy and self._runner.can_share
        fresh = memory.new(slot.scope) if has_tail and can_copy else None
        if fresh is not None:
            memory.copy_prefix(own, fresh, n_tokens)
            memory.retain(own)
            return fresh
        if has_tail:
            memory.save_rare(own)
        memory.cut(own, n_tokens)
        return own

    def _vacate(self, slot: Slot, keep: Sequence | None = None) -> Sequence:
        """An empty sequence for slot; its own is retained if there is an id for both."""
        memory, own = self._memory, slot.sequence
        if not own.n_tokens:
            return own
        can_retain = self._runner.can_share and not own.is_private
        fresh = memory.new(slot.scope, keep) if can_retain else None
        if fresh is None:
            memory.evict(own)
            return own
        memory.retain(own)
        return fresh

    # reuse later chunks

    def _may_move_chunks(self, slot: Slot, match: Match, task: Task) -> bool:
        own = slot.sequence
        return (
            task.n_cache_reuse > 0
            and task.cache_prompt
            and self._runner.can_shift
            and self._runner.can_cut
            and own.scope == slot.scope
            and not slot.scope.n_bare
            and match.entry is None
            and match.n_tokens <= own.common_prefix(slot.target)
        )

    def _reuse_chunks(self, own: Sequence, wanted: Wanted, n_min: int) -> None:
        """Move what own holds of wanted further on to where it is wanted."""
        n_shared = wanted.shared_with(own.tokens, own.scope)
        chunks = prefix.find_chunks(own.tokens, wanted.tokens, n_shared, n_min)
        # shared cells can't move
        moved = [c for c in chunks[1:] if self._memory.is_own(own.cells[c.source : c.source + c.n])]
        if len(moved) == len(chunks) - 1:
            self._memory.reuse_chunks(own, chunks)
        self._memory.cut(own, n_shared if len(moved) < len(chunks) - 1 else wanted.n_max)

    # control

    def end_reasoning(self, wish_id: int, cmpl_id: str) -> None:
        """Let all tasks of a completion stop thinking, if they think; say whether they could."""
        message = "no active completion for this id"
        for slot in self.busy:
            if slot.task is None or slot.task.cmpl_id != cmpl_id:
                continue
            reasoning, message = slot.task.sampling.reasoning, ""
            if reasoning is None or not reasoning.is_controlled:
                message = "reasoning control not enabled for this completion"
            elif slot.sampler is not None:
                slot.sampler.end_reasoning()
        self.events.append(ReasoningEnded(wish_id, not message, message))

    # end

    def finish(self, slot: Slot) -> None:
        """End a request whose slot says that nothing follows."""
        self.events.append(slot.finished())
        self._end(slot, End(slot.generation.stop_type.value))

    def fail(self, slot: Slot, kind: ErrorKind, message: str) -> None:
        """End a request that can't go on."""
        if slot.task is not None:
            self.events.append(self._failed(slot.task, kind, message))
        self._end(slot, End.FAILED, message if kind is ErrorKind.SERVER else "")

    def fail_task(self, task: Task | EmbeddingTask, kind: ErrorKind, message: str) -> None:
        """Tell the client of a task that has no slot that it failed."""
        self.refuse([self._failed(task, kind, message)])

    def refuse(self, failures: Iterable[Failed]) -> None:
        """Tell clients that their tasks never get a slot."""
        for failed in failures:
            self.events.append(failed)
            self.stats.ended[End.REFUSED] += 1

    def _failed(self, task: Task | EmbeddingTask, kind: ErrorKind, message: str) -> Failed:
        n_ctx = self._runner.info.n_ctx_slot
        return Failed(task.id, kind, message, len(task.prompt), n_ctx)

    def cancel(self, task_ids: frozenset[int]) -> None:
        """End requests whose client is gone; nothing is said."""
        for slot in self.busy:
            if slot.task_id in task_ids:
                self._end(slot, End.CANCELLED)

    def end_all(self) -> None:
        """End every request now: what was generated is the client's, so it ends properly."""
        for slot in self.busy:
            if slot.generation.n_decoded:
                slot.generation.stop(StopType.LIMIT, truncated=True)
                self.finish(slot)
            else:
                self.fail(slot, ErrorKind.UNAVAILABLE, SHUTTING_DOWN)

    def _end(self, slot: Slot, end: End, reason: str = "") -> None:
        """Free the slot and its sampler; its sequence stays for the next request."""
        now = self._clock()
        self.stats.add_ended(slot, end, now)
        self.lines.append(report.line(slot, end, now, reason))
        slot.release(now)
        self.has_changed = True
