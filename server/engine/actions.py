"""Save, restore, erase: what clients do to a slot beside running requests in it.

An action waits until its slot is idle and older requests for that slot have begun, as in the
reference, and for cells where it needs more than requests that came later can give up. Files are
not read or written here: what is saved leaves with the event, what is restored came with the
message. Engine thread only. Answers to SERVER_TASK_TYPE_SLOT_* in llama.cpp
`tools/server/server-context.cpp`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from server.engine.checkpoints import Checkpoint
from server.engine.checkpoints import Checkpoints
from server.engine.errors import StateRefused
from server.engine.host_cache import Entry
from server.engine.host_cache import State
from server.engine.mailbox import EraseSlot
from server.engine.mailbox import RestoreSlot
from server.engine.mailbox import SaveSlot
from server.engine.mailbox import SlotAction
from server.engine.pressure import Pressure
from server.engine.runner import ModelRunner
from server.engine.sequence import Scope
from server.engine.sequence import Sequence
from server.engine.slot import Slot
from server.engine.slots import Slots
from server.engine.task import ErrorKind
from server.engine.task import Failed
from server.engine.task import SlotDone
from server.engine.task import Tokens
from server.engine.waiting import SHUTTING_DOWN
from server.engine.waiting import Waiting

TOO_LONG = (
    "Unable to restore slot: filename: its {} tokens don't fit into the KV cache of {}; raise"
    " --ctx-size"
)
MISFIT = (
    "Unable to restore slot: filename: its state doesn't fit; restore it with the model and the"
    " --cache-type-k, --cache-type-v and --flash-attn that it was saved with"
)
NO_STATE: NDArray[np.uint8] = np.empty(0, np.uint8)


def _scope_of(action: RestoreSlot) -> Scope:
    return Scope(action.cache_salt, action.adapters, action.n_bare)


def _checkpoints_of(action: RestoreSlot) -> Checkpoints:
    return tuple(Checkpoint(n_tokens, state) for n_tokens, state in action.checkpoints)


def _held(sequence: Sequence) -> Tokens:
    """What a sequence holds, in the KV cache or in host memory."""
    return sequence.tokens.copy() if sequence.parked is None else sequence.parked


def _is_whole(entry: Entry, sequence: Sequence) -> bool:
    """Whether an entry that begins with what a sequence held holds nothing more."""
    return sequence.parked is not None and len(entry.tokens) == len(sequence.parked)


class Actions:
    """The actions that wait for their slots."""

    def __init__(
        self,
        runner: ModelRunner,
        slots: Slots,
        pressure: Pressure,
        waiting: Waiting,
        clock: Callable[[], float],
    ) -> None:
        self._runner = runner
        self._slots = slots
        self._memory = pressure.memory
        self._pressure = pressure
        self._waiting = waiting
        self._clock = clock
        self._actions: list[SlotAction] = []
        self.lack_cells = False
        """Whether one could have its slot and waits for cells that older requests have."""

    def __len__(self) -> int:
        return len(self._actions)

    def add(self, action: SlotAction) -> None:
        """Do it when its slot is idle."""
        if self._waiting.is_closed:
            self._fail(action, ErrorKind.UNAVAILABLE, SHUTTING_DOWN)
        else:
            self._actions.append(action)

    def remove(self, ids: frozenset[int]) -> None:
        """Forget actions whose client is gone."""
        self._actions = [action for action in self._actions if action.id not in ids]

    def end_all(self) -> None:
        """Refuse what still waits."""
        for action in self._actions:
            self._fail(action, ErrorKind.UNAVAILABLE, SHUTTING_DOWN)
        self._actions = []

    def run(self) -> None:
        """Do what can be done now, in order."""
        waiting, self._actions = self._actions, []
        self.lack_cells = False
        for action in waiting:
            slot = self._slots.at(action.id_slot)
            has_turn = not slot.is_busy and not self._is_overtaking(action, slot)
            if has_turn and self._has_room(action, slot):
                self._run(action, slot)
            else:
                self._actions.append(action)

    def _run(self, action: SlotAction, slot: Slot) -> None:
        started = self._clock()
        try:
            done = self._do(action, slot)
        except StateRefused as error:
            is_ours = isinstance(action, SaveSlot)
            kind = ErrorKind.SERVER if is_ours else ErrorKind.INVALID_REQUEST
            self._fail(action, kind, str(error))
        else:
            ms = (self._clock() - started) * 1e3
            self._slots.events.append(replace(done, ms=ms))
            self._slots.has_changed = True

    def _is_overtaking(self, action: SlotAction, slot: Slot) -> bool:
        """Whether a request that came earlier waits for the same slot."""
        return any(
            task.id < action.id and task.id_slot >= 0 and self._slots.at(task.id_slot) is slot
            for task in self._waiting
        )

    def _has_room(self, action: SlotAction, slot: Slot) -> bool:
        """Whether it finds its cells; what came later makes room for it."""
        n_cells = self._n_cells(action, slot.sequence)
        if not n_cells:
            return True
        has_room = self._pressure.make_room_for(action.id, n_cells, slot.sequence)
        self.lack_cells = self.lack_cells or not has_room
        return has_room

    def _n_cells(self, action: SlotAction, sequence: Sequence) -> int:
        """How many cells it needs, those of the slot's sequence among them."""
        match action:
            case SaveSlot():
                entry = self._memory.parked_as(sequence)
                return 0 if entry is None or _is_whole(entry, sequence) else len(entry.tokens)
            case RestoreSlot(tokens=tokens):
                # one that can't ever be met is refused when it is done
                return len(tokens) if len(tokens) <= self._memory.cells.n_cells else 0
            case EraseSlot():
                return 0

    def _do(self, action: SlotAction, slot: Slot) -> SlotDone:
        match action:
            case SaveSlot():
                entry = self._saved(slot.sequence)
            case RestoreSlot():
                state, scope = action.state, _scope_of(action)
                entry = Entry(action.tokens, state, scope, checkpoints=_checkpoints_of(action))
                slot.sequence = self._load(slot.sequence, entry)
                slot.sequence.origin, slot.sequence.parked = slot.id, None
            case EraseSlot():
                entry = Entry(_held(slot.sequence), NO_STATE, slot.sequence.scope)
                self._erase(slot)
        slot.sequence.last_used = self._clock()
        salt, adapters, n_bare, _ = entry.scope
        checkpoints = tuple((c.n_tokens, c.state) for c in entry.checkpoints)
        return SlotDone(action.id, entry.tokens, entry.state, salt, adapters, n_bare, checkpoints)

    def _fail(self, action: SlotAction, kind: ErrorKind, message: str) -> None:
        self._slots.events.append(Failed(action.id, kind, message))

    # save

    def _saved(self, sequence: Sequence) -> Entry:
        """What a sequence holds; from host memory, if it went there as it was."""
        held = _held(sequence)
        if len(held) and int(held.min()) < 0:
            raise StateRefused("Unable to save slot: images and audio in it can't be saved")
        parked = self._memory.parked_as(sequence)
        if parked is not None and _is_whole(parked, sequence):
            return parked
        if not self._memory.unpark(sequence):
            raise StateRefused("Unable to save slot: its state didn't come back; see the log")
        return self._memory.entry_of(sequence, self._state_of(sequence))

    def _state_of(self, sequence: Sequence) -> State:
        state = self._runner.save(sequence.id)
        if state is None:
            raise StateRefused("Unable to save slot: its state can't be copied; see the log")
        return state

    # restore

    def _load(self, own: Sequence, entry: Entry) -> Sequence:
        """A sequence of what was saved in place of an idle one. StateRefused: own is as it was."""
        n, n_cells = len(entry.tokens), self._memory.cells.n_cells
        if n > n_cells:
            raise StateRefused(TOO_LONG.format(n, n_cells))
        own.is_live = True  # so that it doesn't have to make room
        try:
            loaded = self._load_beside(own, entry) or self._load_over(own, entry)
        finally:
            own.is_live = False
        loaded.scope = entry.scope
        return loaded

    def _load_beside(self, own: Sequence, entry: Entry) -> Sequence | None:
        """Load into an id of its own; None: there is none, or no room beside own."""
        memory, n = self._memory, len(entry.tokens)
        if not memory.has_spare_id or not memory.make_room(n, asks_guest=False):
            return None
        fresh = memory.new(entry.scope)
        if fresh is None:
            return None
        if n and not memory.restore(fresh, entry):
            memory.discard(fresh)
            raise StateRefused(MISFIT)
        memory.retain(own)
        return fresh

    def _load_over(self, own: Sequence, entry: Entry) -> Sequence:
        """Load into own; what it held comes back if that fails."""
        memory = self._memory
        before = memory.entry_of(own, self._state_of(own))
        memory.cut(own, 0)
        if len(entry.tokens) and not memory.restore(own, entry):
            memory.restore(own, before)
            raise StateRefused(MISFIT)
        return own

    # erase

    def _erase(self, slot: Slot) -> None:
        """Forget a slot's tokens, and all that came from it and is in no other slot."""
        memory = self._memory
        memory.host_cache.forget(slot.id)
        for other in memory.retained:
            if other.origin == slot.id:
                memory.discard(other)
        memory.cut(slot.sequence, 0)
