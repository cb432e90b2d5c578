"""All sequences of the KV memory, what is retained of them, and what went to host memory.

The one place where the mirror (`sequence`, `cells`) and the runner's memory change together, so
that they cannot disagree. No slot owns a prefix: any sequence, running, idle or retained, can give
its leading tokens to another, which shares the cells and copies nothing. It decides nothing about
requests; that is `slots` and `prefix`. Engine thread only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from server.engine.admission import Admission
from server.engine.cells import CellIds
from server.engine.cells import Cells
from server.engine.checkpoints import Checkpoints
from server.engine.checkpoints import State
from server.engine.checkpoints import until
from server.engine.guest import Guest
from server.engine.host_cache import Entry
from server.engine.host_cache import HostCache
from server.engine.rewinder import Rewinder
from server.engine.runner import ModelRunner
from server.engine.sequence import Chunk
from server.engine.sequence import Scope
from server.engine.sequence import Sequence
from server.engine.task import Tokens

WORTH_SAVING = 16
"""A sequence goes to the host if one in so many of its tokens exists nowhere else: computing a
token costs some hundred times as much as copying its state."""


class Memory:
    """The sequences of one runner."""

    def __init__(
        self,
        runner: ModelRunner,
        host_cache_bytes: int | None,
        clock: Callable[[], float],
        *,
        n_checkpoints: int = 0,
    ) -> None:
        """host_cache_bytes: see HostCache, with which checkpoints share them."""
        self._runner = runner
        self._clock = clock
        self.sequences: list[Sequence] = []
        self.host_cache = HostCache(host_cache_bytes, self._held_checkpoints)
        self.rewinder = Rewinder(runner, n_checkpoints, host_cache_bytes)
        self.admission = Admission(clock)
        self.cells = Cells(runner.n_cells)
        self.guest: Guest | None = None
        self._retained: list[Sequence] = []
        self._free_ids = list(range(runner.n_seq))[::-1]

    # sequences

    def new(self, scope: Scope, keep: Sequence | None = None) -> Sequence | None:
        """An empty sequence; a retained one, but not keep, makes room. None: no id is left."""
        retained = [sequence for sequence in self._retained if sequence is not keep]
        if not self._free_ids and retained:
            self.evict(min(retained, key=lambda sequence: sequence.last_used))
        if not self._free_ids:
            return None
        sequence = Sequence(self._free_ids.pop(), scope)
        self.sequences.append(sequence)
        return sequence

    def retain(self, sequence: Sequence) -> None:
        """Keep a sequence that no slot has any more, until its cells or its id are needed."""
        if sequence.n_tokens and not sequence.is_private:
            self._retained.append(sequence)
        else:
            self._free(sequence)

    def adopt(self, sequence: Sequence) -> None:
        """A slot takes a retained sequence over."""
        self._retained.remove(sequence)

    def is_retained(self, sequence: Sequence) -> bool:
        """Whether no slot has it."""
        return sequence in self._retained

    @property
    def retained(self) -> list[Sequence]:
        """Sequences that no slot has."""
        return list(self._retained)

    @property
    def has_spare_id(self) -> bool:
        """Whether `new` can give one."""
        return bool(self._free_ids or self._retained)

    def discard(self, sequence: Sequence) -> None:
        """Forget a sequence that no slot has, retained or not, for good."""
        if sequence in self._retained:
            self._retained.remove(sequence)
        self._free(sequence)

    def _free(self, sequence: Sequence) -> None:
        self.cut(sequence, 0)
        self.sequences.remove(sequence)
        self._free_ids.append(sequence.id)

    # tokens

    def append(self, sequence: Sequence, token: int) -> None:
        """A row of one token was decoded."""
        sequence.append(token, self.cells.take_one())

    def extend(self, sequence: Sequence, tokens: Tokens) -> None:
        """A chunk of tokens, (n,) int32, was decoded."""
        sequence.extend(tokens, self.cells.take(len(tokens)))

    def cut(self, sequence: Sequence, n_tokens: int) -> None:
        """Keep the first n_tokens; where the memory can't be cut there, none."""
        if n_tokens >= sequence.n_tokens:
            return
        checkpoint = self.rewinder.needed(sequence, n_tokens)
        if not self.rewinder.cut(sequence.id, n_tokens, checkpoint):
            n_tokens = 0
        self._drop(sequence, n_tokens, sequence.n_tokens)

    def clear(self, sequence: Sequence) -> None:
        """Keep nothing, whatever the runner's memory holds (after a batch that failed)."""
        self._runner.cut(sequence.id, 0)
        self._drop(sequence, 0, sequence.n_tokens)

    def wipe(self) -> None:
        """Forget everything, and what the freed cells still hold."""
        if self.guest:
            self.guest.lose_all()
        for sequence in list(self.sequences):
            if sequence in self._retained:
                self.discard(sequence)
            else:
                self.clear(sequence)
        self._runner.wipe()

    def undo(self, sequence: Sequence) -> bool:
        """Forget what a batch that failed left behind; False: the whole sequence is lost."""
        if self._runner.cut(sequence.id, sequence.n_tokens):
            return True
        self._drop(sequence, 0, sequence.n_tokens)
        return False

    def copy_prefix(self, donor: Sequence, target: Sequence, n_tokens: int) -> None:
        """Let an empty sequence hold the first n_tokens of donor, in the same cells.

        It stays empty if what has to be copied of that finds no room.
        """
        checkpoint = self.rewinder.needed(donor, n_tokens, is_copied=True)
        is_whole = n_tokens == donor.n_tokens
        if not self._runner.copy(donor.id, target.id, n_tokens, is_whole=is_whole):
            return
        if checkpoint is not None and not self.rewinder.cut(target.id, n_tokens, checkpoint):
            return
        target.checkpoints = until(donor.checkpoints, n_tokens)
        cells = donor.cells[:n_tokens]
        self.cells.share(cells)
        target.extend(donor.tokens[:n_tokens], cells)
        donor.last_used = self._clock()

    def shift(self, sequence: Sequence, start: int, end: int) -> bool:
        """Forget positions [start, end) and move what follows down.

        Shared cells can't move, so what moves is made the sequence's own first. False: there is
        no room for that; the sequence may have lost its cells by it.
        """
        if not self._make_own(sequence, end):
            return False
        self._runner.shift(sequence.id, start, end, sequence.n_tokens)
        sequence.checkpoints = until(sequence.checkpoints, start)
        self._drop(sequence, start, end)
        sequence.scope = sequence.scope.without(start, end)
        return True

    def reuse_chunks(self, sequence: Sequence, chunks: list[Chunk]) -> None:
        """Keep only these chunks of a sequence, in order of their targets, each moved there."""
        kept = np.concatenate([np.arange(c.source, c.source + c.n) for c in chunks])
        for chunk in chunks:
            if chunk.source != chunk.target:
                self._runner.move(sequence.id, chunk.source, chunk.target, chunk.n)
        self._runner.cut(sequence.id, len(kept))
        gone = np.setdiff1d(np.arange(sequence.n_tokens), kept)
        self.cells.drop(sequence.cells[gone])
        sequence.keep(kept)

    def _make_own(self, sequence: Sequence, start: int) -> bool:
        """Have nobody share the cells from start on: others are evicted, or it gets new ones."""
        while not self.is_own(sequence.cells[start:]):
            if self.cells.n_free >= sequence.n_tokens - self.cells.n_unique(sequence.cells):
                return self._unshare(sequence)
            if not self.evict_oldest():
                return False
        return True

    def _unshare(self, sequence: Sequence) -> bool:
        """Give a sequence cells that it shares with nobody; there is room for them."""
        state = self._runner.save(sequence.id)
        if state is None:
            return False
        entry = self.entry_of(sequence, state)
        self.cut(sequence, 0)
        return self.restore(sequence, entry)

    def _drop(self, sequence: Sequence, start: int, end: int) -> None:
        self.cells.drop(sequence.cells[start:end].copy())
        sequence.remove(start, end)
        sequence.checkpoints = until(sequence.checkpoints, start)

    # host memory

    def _held_checkpoints(self) -> list[Checkpoints]:
        return [each.checkpoints for each in self.sequences if each.checkpoints]

    def checkpoint(self, sequence: Sequence) -> None:
        """Keep what can't be cut of a sequence as it is now, within the limit of the host cache."""
        self.rewinder.take(sequence, self.sequences)
        self.host_cache.make_room()

    def save(self, sequence: Sequence, *, is_charged: bool = False) -> None:
        """Copy a sequence to the host cache, unless it is there or must not be shared.

        is_charged: only if that is admitted.
        """
        cache, tokens, scope = self.host_cache, sequence.tokens, sequence.scope
        if not len(tokens) or sequence.is_private or not cache.is_enabled:
            return
        covering = cache.covers(tokens, scope)
        if covering is not None:
            covering.origins.add(sequence.origin)
        elif not is_charged:
            self._copy_to_host(sequence)
        elif self.admission.admits():
            self.admission.charge(self._copy_to_host(sequence))

    def is_saved(self, sequence: Sequence) -> bool:
        """Whether the host cache has all of it."""
        return self.host_cache.covers(sequence.tokens, sequence.scope) is not None

    def host_bytes(self, sequence: Sequence) -> int:
        """What a copy of it takes in host memory, without its checkpoints."""
        return self._runner.state_bytes(sequence.id) + sequence.tokens.nbytes

    def _copy_to_host(self, sequence: Sequence) -> float:
        """Make room, then the copy, so that the limit always holds. The seconds it took."""
        cache = self.host_cache
        n_bytes = self.host_bytes(sequence)
        if not cache.fits(n_bytes):
            return 0.0
        started = self._clock()
        inherited = cache.absorb(sequence.tokens, sequence.scope)
        cache.make_room(n_bytes)
        state = self._runner.save(sequence.id)
        taken_s = self._clock() - started
        self.admission.copied(sequence.n_tokens, taken_s)
        if state is not None:
            cache.put(self.entry_of(sequence, state).continuing(*inherited))
        return taken_s

    def entry_of(self, sequence: Sequence, state: State) -> Entry:
        """What a sequence is worth keeping with its state."""
        n, runner = sequence.n_tokens, self._runner
        floor = 0 if runner.can_cut or n <= runner.window else n
        tokens, origins = sequence.tokens.copy(), {sequence.origin}
        return Entry(tokens, state, sequence.scope, origins, floor, sequence.checkpoints)

    def restore(self, sequence: Sequence, entry: Entry) -> bool:
        """Fill an empty sequence from a saved one. False: no room, it stays empty."""
        if not self.make_room(len(entry.tokens)):
            return False
        if not self._runner.restore(sequence.id, entry.state):
            return False
        self.extend(sequence, entry.tokens)
        sequence.checkpoints = entry.checkpoints
        self.host_cache.make_room()  # they may be a file's, or an entry's that is gone
        return True

    def parked_as(self, sequence: Sequence) -> Entry | None:
        """What begins with all that a sequence held before it went to the host, if it did."""
        tokens = sequence.parked
        return None if tokens is None else self.host_cache.covers(tokens, sequence.scope)

    def unpark(self, sequence: Sequence, entry: Entry) -> bool:
        """Bring back what a sequence held, of what begins with it; False: there is no room."""
        if sequence.parked is None or not self.restore(sequence, entry):
            return False
        self.cut(sequence, len(sequence.parked))
        sequence.parked = None
        return True

    # room

    @property
    def idle(self) -> list[Sequence]:
        """Sequences with tokens that no running request writes to, least recently used first."""
        idle = [s for s in self.sequences if s.n_tokens and not s.is_live]
        return sorted(idle, key=lambda sequence: sequence.last_used)

    @property
    def n_idle_cells(self) -> int:
        """Cells that only idle sequences hold."""
        live = (s.cells for s in self.sequences if s.is_live)
        n_lent = self.guest.n_cells if self.guest else 0
        return self.cells.n_used - self.cells.n_held_by(live) - n_lent

    def is_own(self, cells: CellIds) -> bool:
        """Whether one sequence alone holds all of these."""
        return self.cells.n_unique(cells) == len(cells)

    def is_rare(self, sequence: Sequence) -> bool:
        """Whether too little of it exists elsewhere in the KV memory."""
        return self.cells.n_unique(sequence.cells) * WORTH_SAVING >= sequence.n_tokens

    def save_rare(self, sequence: Sequence, *, is_charged: bool = False) -> None:
        """Save a sequence of which too little exists elsewhere."""
        if self.is_rare(sequence):
            self.save(sequence, is_charged=is_charged)

    def evict(self, sequence: Sequence) -> None:
        """Forget an idle sequence, to the host if it is worth that.

        What a slot still shows as its own always is.
        """
        if sequence in self._retained:
            self.save_rare(sequence, is_charged=True)
            self.discard(sequence)
        else:
            self.save_rare(sequence)
            if self.is_saved(sequence):
                sequence.parked = sequence.tokens.copy()
            self.cut(sequence, 0)

    def evict_oldest(self) -> bool:
        """Forget the least recently used idle sequence; False if there is none."""
        if idle := self.idle:
            self.evict(idle[0])
        return bool(idle)

    def make_room(self, n_cells: int, *, asks_guest: bool = True) -> bool:
        """Evict until n_cells are free; False if that can't be. asks_guest: to leave, at last."""
        guest = self.guest if asks_guest else None
        while self.cells.n_free < n_cells:
            if not self.evict_oldest() and not (guest and guest.give_way()):
                return False
        return True
