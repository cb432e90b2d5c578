"""Which rows go into the next batch. Pure: slots and limits in, a plan out.

Every decoding slot gets its row; what is left of the batch goes to prefill, first come first
served, so that the oldest prompt is done first. It knows no model and no clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from server.engine.slot import Slot
from server.engine.slot import SlotState
from server.engine.task import Tokens


@dataclass(frozen=True, slots=True)
class Chunk:
    """n prompt tokens of one slot, from position start on."""

    slot: Slot
    start: int
    n: int
    is_last: bool
    """Whether the prompt ends here, so that its last row's logits are wanted."""

    @property
    def tokens(self) -> Tokens:
        """(n,) int32."""
        return self.slot.prompt[self.start : self.start + self.n]


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The rows of one batch: one for each decoding slot, then chunks of prompts."""

    decoding: list[Slot]
    chunks: list[Chunk]

    def __bool__(self) -> bool:
        return bool(self.decoding or self.chunks)

    @property
    def n_rows(self) -> int:
        """Rows in the batch."""
        return len(self.decoding) + sum(chunk.n for chunk in self.chunks)


def plan(slots: Iterable[Slot], n_batch: int) -> BatchPlan:
    """Choose at most n_batch rows; decoding slots first (there are never more than n_batch)."""
    decoding, prefilling, chunks = [], [], []
    for slot in slots:
        if slot.state is SlotState.DECODE:
            decoding.append(slot)
        elif slot.state is SlotState.PREFILL:
            prefilling.append(slot)
    budget = n_batch - len(decoding)
    # task ids grow with time
    for slot in sorted(prefilling, key=lambda slot: slot.task_id):
        if budget <= 0:
            break
        n = min(budget, slot.n_prefill_left)
        start = slot.sequence.n_tokens
        chunks.append(Chunk(slot, start, n, is_last=n == slot.n_prefill_left))
        budget -= n
    return BatchPlan(decoding, chunks)
