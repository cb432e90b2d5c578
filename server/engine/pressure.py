"""What happens when cells run short: forget, compute less at once, preempt, resume.

First idle sequences go, least recently used first. Then the youngest running request gives up its
cells: what it holds goes to the host cache, or is computed again, and the client notices only
time. A full slot is shifted where that is asked for; since it may go on for ever like that, it then
makes way for those that wait for cells. Engine thread only.
"""

from __future__ import annotations

from server.engine.memory import Memory
from server.engine.scheduler import BatchPlan
from server.engine.sequence import Sequence
from server.engine.slot import Slot
from server.engine.slot import SlotState
from server.engine.slots import Slots
from server.engine.task import ErrorKind
from server.engine.task import StopType
from server.engine.task import Task

HEADROOM = 16
"""A preempted request resumes when one in so many cells stays free beside it."""
N_KEEP_MARGIN = 4
"""Tokens that a context shift always leaves room for (as in the reference)."""
FULL = "Context size has been exceeded."

ACTIVE = (SlotState.PREFILL, SlotState.DECODE)


def resumes_before(preempted: Slot, task: Task) -> bool:
    """Whether a preempted request resumes before a new one starts."""
    made_way_at, submitted = preempted.made_way_at, task.t_submitted
    return made_way_at is None or submitted is None or made_way_at < submitted


class Pressure:
    """Keeps the running requests within the memory."""

    def __init__(self, slots: Slots, memory: Memory) -> None:
        self._slots = slots
        self.memory = memory

    def can_admit(self, task: Task) -> bool:
        """Whether a new task may start: nothing preempted waits, and its prompt has room."""
        if any(resumes_before(slot, task) for slot in self._preempted):
            return False
        n_free = self.memory.cells.n_free
        if n_free >= len(task.prompt) or not any(slot.is_busy for slot in self._slots):
            return True
        needed = len(task.prompt) - self._slots.n_shareable(task)
        return n_free + self.memory.n_idle_cells >= needed

    def resume(self) -> None:
        """Let the oldest preempted request go on if there is room again."""
        preempted = self._preempted
        if not preempted:
            return
        oldest = min(preempted, key=lambda slot: (slot.made_way_at or 0.0, slot.task_id))
        cells = self.memory.cells
        n_room = cells.n_free + self.memory.n_idle_cells
        n_needed = len(oldest.target) + cells.n_cells // HEADROOM
        is_alone = not any(slot.state in (*ACTIVE, SlotState.WAIT) for slot in self._slots)
        if (is_alone or n_room >= n_needed) and not self._made_way_for_guest(oldest):
            oldest.resume()

    def _made_way_for_guest(self, slot: Slot) -> bool:
        """Whether a guest of the memory has, or still wants, the cells that this slot gave up."""
        guest, made_way_at = self.memory.guest, slot.made_way_at
        return guest is not None and made_way_at is not None and guest.is_for_older(made_way_at)

    def fit(self, plan: BatchPlan) -> BatchPlan | None:
        """The plan, or as much of it as finds cells; None: a request was preempted, plan again."""
        n_free = self.memory.cells.n_free
        if n_free >= plan.n_rows or self.memory.make_room(plan.n_rows):
            return plan
        n_free = self.memory.cells.n_free
        if plan.chunks and n_free > plan.n_decode:
            return plan.limited(n_free)
        self.preempt_youngest()
        return None

    def shrink(self, plan: BatchPlan) -> BatchPlan | None:
        """What to try after a batch found no cells although the mirror has some."""
        if self.memory.evict_oldest():
            return plan
        if plan.chunks and plan.n_rows > plan.n_decode + 1:
            return plan.limited(max(plan.n_decode + 1, plan.n_rows // 2))
        self.preempt_youngest()
        return None

    @property
    def _active(self) -> list[Slot]:
        return [slot for slot in self._slots if slot.state in ACTIVE]

    @property
    def _preempted(self) -> list[Slot]:
        return [slot for slot in self._slots if slot.state is SlotState.PREEMPTED]

    def preempt_youngest(self) -> Slot:
        """Take the cells of the youngest running request; end it if it has them all."""
        active = self._active
        youngest = max(active, key=lambda slot: slot.task_id)
        if len(active) == 1:
            self._slots.fail(youngest, ErrorKind.SERVER, FULL)
            self.memory.cut(youngest.sequence, 0)
        else:
            self._preempt(youngest)
        return youngest

    def _preempt(self, slot: Slot, *, made_way_at: float | None = None) -> None:
        self.memory.save(slot.sequence)
        slot.preempt(made_way_at=made_way_at)
        self._slots.stats.n_preempted += 1
        self.memory.cut(slot.sequence, 0)

    def make_room_for(self, action_id: int, n_cells: int, own: Sequence) -> bool:
        """Free cells for what a client does to an idle slot; False: not all can be had now.

        It takes those of requests that came later and waits for those of earlier ones, so that
        neither can keep the other from ever being done. own: gives up its cells itself.
        """
        memory = self.memory
        earlier = [s.sequence.cells for s in self._active if s.task_id < action_id]
        if memory.cells.n_cells - memory.cells.n_held_by(earlier) < n_cells:
            return False
        guest = memory.guest
        if guest is not None and guest.comes_before(action_id):
            return False
        own.is_live = True  # so that it isn't moved
        try:
            while memory.cells.n_free + memory.cells.n_unique(own.cells) < n_cells:
                if not memory.evict_oldest() and not (guest and guest.give_way()):
                    self._preempt(max(self._active, key=lambda slot: slot.task_id))
        finally:
            own.is_live = False
        return True

    # context shift

    def shift_full(self, now: float, *, add_bos: bool, others_wait: bool) -> None:
        """Make room in every slot whose context is full and may be shifted.

        others_wait: somebody who is not in a slot waits for cells.
        """
        for slot in self._slots:
            if slot.must_shift:
                self._shift(slot, add_bos=add_bos)
                has_had_turn = slot.n_decoded_since >= slot.n_ctx // HEADROOM
                is_running = slot.state is SlotState.DECODE
                if is_running and has_had_turn and (others_wait or self._preempted):
                    self._preempt(slot, made_way_at=now)

    def _shift(self, slot: Slot, *, add_bos: bool) -> None:
        """Forget n_discard tokens after the first n_keep, as the reference counts them."""
        task, n_held = slot.task, slot.sequence.n_tokens
        assert task is not None
        n_keep = len(task.prompt) if task.n_keep < 0 else task.n_keep
        n_keep = min(n_keep + add_bos, slot.n_ctx - N_KEEP_MARGIN)
        n_left = n_held - n_keep
        n_discard = min(task.n_discard or n_left // 2, max(0, n_left - 1))
        slot.generation.truncated = True
        if n_discard < 1 or not self._make_shift(slot, n_keep, n_keep + n_discard):
            slot.generation.stop(StopType.LIMIT)
            self._slots.finish(slot)

    def _make_shift(self, slot: Slot, start: int, end: int) -> bool:
        """Shift, or have the slot preempted: then it is shifted when it resumes. False: neither."""
        held = slot.sequence.tokens.copy()
        while not self.memory.shift(slot.sequence, start, end):
            if not slot.sequence.n_tokens:  # it had to move and could not
                slot.preempt(held)
                self._slots.stats.n_preempted += 1
                return True
            if len(self._active) == 1:
                return False
            if self.preempt_youngest() is slot:
                return True
        slot.scope = slot.sequence.scope
        return True
