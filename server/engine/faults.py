"""What happens after a batch that failed, or whose output is no number: the culprit ends alone.

A batch that fails is undone, and each of its requests is tried alone. NaN in the memory of one
request may spoil every row that passes over its cells, masked as they are: then the memory is
wiped, and each request that may have caused it is computed again alone. Engine thread only.
"""

from __future__ import annotations

from collections.abc import Callable

from server.engine.errors import NO_NUMBER
from server.engine.errors import DecodeFailed
from server.engine.errors import KvFull
from server.engine.memory import Memory
from server.engine.scheduler import BatchPlan
from server.engine.slot import Slot
from server.engine.slot import SlotState
from server.engine.slots import Slots
from server.engine.task import ErrorKind

Compute = Callable[[BatchPlan], list[Slot]]
"""Decode and sample; the slots whose output is no number. KvFull, DecodeFailed."""

PlanFor = Callable[[Slot], BatchPlan]
"""The next batch of one slot alone; empty where that has to wait for the next step."""


class Faults:
    """Finds out which request is to blame, and ends it."""

    def __init__(self, slots: Slots, memory: Memory, compute: Compute, plan_for: PlanFor) -> None:
        self._slots = slots
        self._memory = memory
        self._compute = compute
        self._plan_for = plan_for

    def fail(self, slot: Slot, reason: str) -> None:
        """End a request whose computing failed; its sequence can't be trusted."""
        self._slots.fail(slot, ErrorKind.SERVER, reason)
        self._memory.clear(slot.sequence)

    # batches that fail

    def isolate(self, plan: BatchPlan, reason: str) -> None:
        """Try each request of a failed batch alone; which fails again, ends."""
        for slot in plan.slots:
            if not self._memory.undo(slot.sequence):
                self.fail(slot, reason)
        for part in plan.parts():
            (slot,) = part.slots
            if slot.is_busy:
                self._try_part(part, slot)

    def _try_part(self, part: BatchPlan, slot: Slot) -> None:
        try:
            spoiled = self._compute(part)
        except KvFull:
            self._memory.undo(slot.sequence)  # the next step plans anew
        except DecodeFailed as error:
            self.fail(slot, str(error))
        else:
            if spoiled:
                self.fail(slot, NO_NUMBER)

    # output that is no number

    def heal(self, spoiled: list[Slot]) -> None:
        """Compute each suspect again in clean memory, up to its next token.

        Suspects are the spoiled ones, and prompts that are under way: nobody has looked at what
        comes of those. Who is not to blame notices only time.
        """
        suspects = [*spoiled, *(s for s in self._slots.busy if s.state is SlotState.PREFILL)]
        for slot in suspects:
            slot.retry()
        self._wipe()
        for slot in suspects:
            if self._is_spoiled_alone(slot):
                self.fail(slot, NO_NUMBER)
                self._wipe()

    def _wipe(self) -> None:
        """Leave nothing in any cell; what runs is computed again."""
        for slot in self._slots.busy:
            if slot.state in (SlotState.PREFILL, SlotState.DECODE):
                slot.preempt()
                self._slots.stats.n_preempted += 1
        self._memory.wipe()

    def _is_spoiled_alone(self, slot: Slot) -> bool:
        slot.resume()
        self._slots.bind_waiting()
        n_decoded = slot.generation.n_decoded
        while slot.is_busy and slot.generation.n_decoded == n_decoded:
            plan = self._plan_for(slot)
            if not plan:
                return False
            try:
                if self._compute(plan):
                    return True
            except KvFull:  # beside those that were looked at before it: all go on together
                self._memory.undo(slot.sequence)
                return False
            except DecodeFailed as error:
                self.fail(slot, str(error))
        return False
