"""Which rows go into the next batch: slots in, a plan out.

Every decoding slot gets its row; what the budget grants goes to prefill, the shortest remaining
prompt first, so that the mean wait is shortest, with credit for waiting, so that long prompts do
not starve. Requests with different LoRA adapters can't share a batch: their groups take turns of a
few steps, because each change costs libllama a new plan of its graphs.
It knows no model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from server.engine.budget import PrefillBudget
from server.engine.slot import Slot
from server.engine.slot import SlotState
from server.engine.task import Adapters
from server.engine.task import Tokens

TURN_S = 0.025
"""How long a group keeps its turn: short beside what a reader notices, long beside the 3 ms that a
change of adapters was measured to cost with a model of 30 layers, half a step."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """n tokens of one slot's target, from position start on."""

    slot: Slot
    start: int
    n: int

    @property
    def is_last(self) -> bool:
        """Whether the target ends here."""
        return self.start + self.n == len(self.slot.target)

    @property
    def wants_logits(self) -> bool:
        """Whether the last row's logits are wanted."""
        return self.is_last and self.slot.wants_logits

    @property
    def tokens(self) -> Tokens:
        """(n,) int32."""
        return self.slot.target[self.start : self.start + self.n]


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The rows of one batch: the pending tokens of decoding slots, then chunks of prompts."""

    decoding: list[Slot]
    chunks: list[Chunk]
    adapters: Adapters = ()

    def __bool__(self) -> bool:
        return bool(self.decoding or self.chunks)

    @property
    def n_prefill(self) -> int:
        """Rows of prompts."""
        return sum(chunk.n for chunk in self.chunks)

    @property
    def n_decode(self) -> int:
        """Rows of decoding slots."""
        return sum(len(slot.pending) for slot in self.decoding)

    @property
    def n_rows(self) -> int:
        """Rows in the batch."""
        return self.n_decode + self.n_prefill

    @property
    def slots(self) -> list[Slot]:
        """Every slot that has rows."""
        return [*self.decoding, *(chunk.slot for chunk in self.chunks)]

    def parts(self) -> list[BatchPlan]:
        """A plan for each slot alone."""
        decoding = [BatchPlan([slot], [], self.adapters) for slot in self.decoding]
        return decoding + [BatchPlan([], [chunk], self.adapters) for chunk in self.chunks]

    def limited(self, n_rows: int) -> BatchPlan:
        """The same plan with at most n_rows, which are at least the decoding ones."""
        left, chunks = n_rows - self.n_decode, []
        for chunk in self.chunks:
            if left > 0:
                chunks.append(Chunk(chunk.slot, chunk.start, min(chunk.n, left)))
                left -= chunk.n
        return BatchPlan(self.decoding, chunks, self.adapters)


class Scheduler:
    """Plans batches, and learns from how long they took."""

    def __init__(self, max_step_s: float, *, joins: bool = True, mixes: bool = True) -> None:
        """joins: whether prompts are computed while others generate; mixes: several in a batch."""
        self._mixes = mixes
        self._budget = PrefillBudget(max_step_s)
        self._joins = joins
        self._turns: list[Adapters] = []
        """The groups of the last step in the order of their turns, which began with the first."""
        self._turn_began = 0.0

    def plan(self, slots: Iterable[Slot], n_batch: int, now: float) -> BatchPlan:
        """At most n_batch rows; decoding slots first (they never have more than n_batch)."""
        busy = [slot for slot in slots if slot.is_busy]
        ready = [s for s in busy if s.state in (SlotState.DECODE, SlotState.PREFILL)]
        n_streams = sum(slot.state is SlotState.DECODE for slot in ready)
        if n_streams and not self._joins:
            ready = [slot for slot in ready if slot.state is SlotState.DECODE]
        used = [slot.adapters for slot in ready]
        adapters = self._turn(set(used), now)
        group = [slot for slot, mine in zip(ready, used, strict=True) if mine == adapters]
        decoding = [slot for slot in group if slot.state is SlotState.DECODE]
        left = n_batch - sum(len(slot.pending) for slot in decoding)
        left = self._budget.grant(
            n_streams=n_streams, n_prompts=len(busy) - n_streams, n_batch=left
        )
        chunks: list[Chunk] = []
        for slot in self._in_order(group, now):
            n = min(left, slot.n_prefill_next)
            if n > 0 and (self._mixes or not chunks):
                chunks.append(Chunk(slot, slot.sequence.n_tokens, n))
                left -= n
        return BatchPlan(decoding, chunks, adapters)

    def observe(self, plan: BatchPlan, seconds: float) -> None:
        """The plan was decoded in so many seconds."""
        n_forced = plan.n_decode - len(plan.decoding)
        self._budget.observe(len(plan.decoding), plan.n_prefill + n_forced, seconds)

    def plausible_s(self, plan: BatchPlan) -> float:
        """The most that the plan can take to be decoded if nothing is wrong."""
        return self._budget.plausible_s(plan.n_rows)

    def _in_order(self, group: list[Slot], now: float) -> list[Slot]:
        """Shortest first; a prompt is taken for as much shorter as could be computed meanwhile."""
        token_s = self._budget.token_s
        prefilling = [slot for slot in group if slot.state is SlotState.PREFILL]
        if len(prefilling) > 1:
            prefilling.sort(key=lambda s: (s.n_prefill_left - s.waited_s(now) / token_s, s.task_id))
        return prefilling

    def _turn(self, groups: set[Adapters], now: float) -> Adapters:
        """The adapters whose turn it is; no group waits longer than one turn of each other one."""
        if len(groups) < 2:
            self._turns.clear()
            return next(iter(groups), ())
        holder = self._turns[0] if self._turns else None
        turns = [adapters for adapters in self._turns if adapters in groups]
        turns += sorted(groups.difference(turns))
        if turns[0] != holder or now - self._turn_began >= TURN_S:
            if turns[0] == holder:
                turns.append(turns.pop(0))
            self._turn_began = now
        self._turns = turns
        return turns[0]
