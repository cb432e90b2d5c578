"""Which slot a task gets, and how much of its prompt that slot already holds.

The simplest correct policy: an idle slot keeps the tokens of its last task, and a new task takes
the idle slot that shares the longest prefix with it, if that is long enough, else the one unused
for the longest time. Answers to `get_available_slot` of llama.cpp
`tools/server/server-context.cpp`.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.engine.slot import Slot
from server.engine.task import Task


def choose_slot(slots: Sequence[Slot], task: Task, min_similarity: float) -> Slot | None:
    """An idle slot for task, or None: then it waits.

    min_similarity: the part of the prompt, in [0, 1], that a slot must share to be preferred over
    the least recently used one; 0 switches the preference off. A task with id_slot gets that slot
    (modulo the number of slots, as in the reference) or waits for it.
    """
    if task.id_slot >= 0:
        wanted = slots[task.id_slot % len(slots)]
        return None if wanted.is_busy else wanted
    idle = [slot for slot in slots if not slot.is_busy]
    if not idle:
        return None
    if min_similarity > 0 and len(task.prompt):
        best = max(idle, key=lambda slot: slot.sequence.common_prefix(task.prompt))
        if best.sequence.common_prefix(task.prompt) / len(task.prompt) > min_similarity:
            return best
    # an empty slot before one whose tokens may still be of use
    return min(idle, key=lambda slot: (slot.sequence.n_tokens > 0, slot.last_used))


def n_reusable(slot: Slot, task: Task, *, can_cut: bool) -> int:
    """Leading prompt tokens that need no prefill in slot.

    At least one token is always computed, because its logits are wanted. Where the memory cannot
    be cut (recurrent, hybrid, sliding window) a prefix is of use only if nothing follows it.
    """
    if not task.cache_prompt:
        return 0
    n = min(slot.sequence.common_prefix(task.prompt), len(task.prompt) - 1)
    return n if can_cut or n == slot.sequence.n_tokens else 0
