"""Which slot a task gets, and whose leading tokens it shares.

Sources are all sequences in the KV memory (running, idle, retained), what the host cache holds, and
prompts that are being computed right now: for those a task waits, because waiting costs less than
computing the same tokens twice. Pure policy: it looks and changes nothing. Answers to
`get_available_slot` of llama.cpp `tools/server/server-context.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Seq
from dataclasses import dataclass

from server.engine.host_cache import Entry
from server.engine.host_cache import HostCache
from server.engine.memory import Memory
from server.engine.sequence import ANYBODY
from server.engine.sequence import Chunk
from server.engine.sequence import Scope
from server.engine.sequence import Sequence
from server.engine.sequence import common_prefix
from server.engine.slot import Slot
from server.engine.slot import SlotState
from server.engine.snapshot import Divergence
from server.engine.task import Task
from server.engine.task import Tokens

WORTH_WAITING = 16
"""Tokens that a task must gain by waiting for another request's prefill."""


NO_SCOPE = Scope()


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """The tokens that a slot is to hold, and who may give it some."""

    tokens: Tokens
    scope: Scope
    n_max: int
    """At most so many may be taken; the last one's logits may be wanted."""

    def shared_with(self, tokens: Tokens, scope: Scope) -> int:
        """Leading tokens that could be taken from tokens that were computed in scope."""
        n_max = min(self.n_max, self.scope.n_common(scope))
        return min(common_prefix(tokens, self.tokens), n_max) if n_max else 0


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """The best source of a prefix: a sequence in memory, an entry of the host cache, or none."""

    n_tokens: int = 0
    sequence: Sequence | None = None
    entry: Entry | None = None
    divergence: Divergence | None = None

    @property
    def n_held(self) -> int:
        """Tokens of the ended request that the source is of; 0 where that still runs."""
        if self.entry is not None:
            return len(self.entry.tokens)
        source = self.sequence
        return 0 if source is None or source.is_live else source.n_tokens


def scope_of(task: Task) -> Scope:
    """What a sequence must have in common with task to be shared."""
    owner = ANYBODY
    if not task.cache_prompt:
        owner = task.id if task.first < 0 else task.first
    return Scope(task.cache_salt, task.adapters, task.n_bare, owner)


def choose_slot(slots: Seq[Slot], task: Task, min_similarity: float) -> Slot | None:
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
        whole = Wanted(task.prompt, scope_of(task), len(task.prompt))
        n_best, best = max((_shareable(s.sequence, whole), -s.id) for s in idle)
        if n_best / len(task.prompt) > min_similarity:
            return slots[-best]
    # an empty slot before one whose tokens may still be of use
    return min(idle, key=lambda slot: (slot.sequence.n_tokens > 0, slot.last_used))


def _shareable(source: Sequence, wanted: Wanted) -> int:
    """Leading tokens that source holds and may give."""
    return wanted.shared_with(source.tokens, source.scope)


def find(memory: Memory, wanted: Wanted, *, can_share: bool, own: Sequence) -> Match:
    """The longest prefix of wanted that can be had now. own: the slot's own sequence."""
    sources = memory.sequences if can_share else [own]
    best = _best(memory, sources, wanted, own)
    return _or_entry(best, memory.host_cache, wanted)


def find_own(memory: Memory, wanted: Wanted, own: Sequence, slot_id: int) -> Match:
    """What requests in this slot computed, wherever it is: all that a pinned request may see."""
    retained = (each for each in memory.retained if each.origin == slot_id)
    best = _best(memory, [own, *retained], wanted, own)
    return _or_entry(best, memory.host_cache, wanted, slot_id=slot_id)


def _or_entry(
    best: Match, cache: HostCache, wanted: Wanted, *, slot_id: int | None = None
) -> Match:
    """The best entry of the host cache if that is better."""
    entry = cache.best(wanted.tokens, wanted.scope, wanted.n_max, slot_id=slot_id)
    if entry is not None and entry[0] > best.n_tokens:
        return Match(entry[0], entry=entry[1], divergence=_parts(entry[1], wanted))
    return best


def _best(memory: Memory, sources: Iterable[Sequence], wanted: Wanted, own: Sequence) -> Match:
    best, longest, closest = Match(), 0, None
    for source in sources:
        n = _shareable(source, wanted)
        if n > longest:
            longest, closest = n, source
        if n < max(best.n_tokens, 1):
            continue
        n = memory.rewinder.usable(source, n, is_copied=source is not own)
        # at equal length the own sequence: then nothing has to be copied
        if n > best.n_tokens or (n and n == best.n_tokens and source is own):
            best = Match(n, source)
    if closest is None:
        return best
    return Match(best.n_tokens, best.sequence, divergence=_parts(closest, wanted))


def _parts(source: Sequence | Entry, wanted: Wanted) -> Divergence | None:
    """Where source and wanted differ; None where one is the beginning of the other.

    None as well where it is the adapters that differ, and not the tokens.
    """
    held = source.tokens
    n = common_prefix(held, wanted.tokens)
    if n >= min(len(held), len(wanted.tokens), wanted.scope.n_common(source.scope)):
        return None
    return Divergence(n, int(held[n]), int(wanted.tokens[n]))


def find_ahead(
    slots: Iterable[Slot], slot: Slot, wanted: Wanted, n_now: int, *, can_cut: bool
) -> tuple[Slot, int] | None:
    """An older request whose prefill will soon hold worthwhile more of wanted than n_now tokens.

    And how many: where memory can't be cut, the next place where it will have a checkpoint.
    """
    best, n_best = None, n_now
    for other in slots:
        if other.state not in (SlotState.WAIT, SlotState.PREFILL) or other.task_id >= slot.task_id:
            continue
        n = wanted.shared_with(other.target, other.scope)
        if not can_cut:
            n = max((place for place in other.breaks if place <= n), default=0)
        if n > n_best and (n - n_now >= WORTH_WAITING or slot.is_sibling(other)):
            best, n_best = other, n
    return None if best is None else (best, n_best)


def find_chunks(held: Tokens, wanted: Tokens, n_shared: int, n_min: int) -> list[Chunk]:
    """Later runs of wanted, at least n_min long, that held has further on; the prefix comes first.

    As the reference looks for them: forward only, each wanted position once.
    """
    chunks = [Chunk(0, 0, n_shared)]
    source = target = n_shared
    while source < len(held) and target < len(wanted):
        n = common_prefix(held[source:], wanted[target:])
        if n >= n_min:
            chunks.append(Chunk(source, target, n))
            target += n
        source += max(n, 1) if n >= n_min else 1
    return chunks
