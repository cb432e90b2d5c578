"""Save, restore, erase: what clients do to a slot beside running requests in it.

An action waits until its slot is idle and older requests for that slot have begun, as in the
reference, and for cells where it needs more than requests that came later can give up. Files are
not read or written here: what is saved leaves with the event, what is restored came with the
message. Engine thread only. Answers to SERVER_TASK_TYPE_SLOT_* in llama.cpp
`tools/server/server-context.cpp`.
"""

from __future__ import annotations

from collections.abc import Callable

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


def _event(action_id: int, entry: Entry, ms: float) -> SlotDone:
    salt, adapters, n_bare, _ = entry.scope
    checkpoints = tuple((c.n_tokens, c.state) for c in entry.checkpoints)
    tokens, state = entry.tokens, entry.state
    return SlotDone(action_id, tokens, state, salt, adapters, n_bare, checkpoints, ms)


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
        self.lack_cells = False  # until those that are left run

    def end_all(self) -> None:
        """Refuse what still waits."""
        for action in self._actions:
            self._fail(action, ErrorKind.UNAVAILABLE, SHUTTING_DOWN)
        self._actions, self.lack_cells = [], False

    def run(self) -> None:
        """Do what can be done now; those of one slot in their order."""
        waiting, self._actions = self._actions, []
        self.lack_cells = False
        for action in waiting:
            slot = self._slots.at(action.id_slot)
            if slot.is_busy or self._is_overtaking(action, slot) or not self._do(action, slot):
                self._actions.append(action)

    def _is_overtaking(self, action: SlotAction, slot: Slot) -> bool:
        """Whether a request or an action that came earlier waits for the same slot."""
        earlier = [task for task in self._waiting if task.id < action.id and task.id_slot >= 0]
        return any(self._slots.at(each.id_slot) is slot for each in (*earlier, *self._actions))

    def _do(self, action: SlotAction, slot: Slot) -> bool:
        """Do it and say so, or why not; False: its cells can't be had now."""
        # held here, since what makes room may need the host's
        parked = self._memory.parked_as(slot.sequence)
        if not self._has_room(action, slot.sequence, parked):
            self.lack_cells = True
            return False
        started = self._clock()
        try:
            entry = self._done(action, slot, parked)
        except StateRefused as error:
            is_ours = isinstance(action, SaveSlot)
            kind = ErrorKind.SERVER if is_ours else ErrorKind.INVALID_REQUEST
            self._fail(action, kind, str(error))
        else:
            slot.sequence.last_used = now = self._clock()
            self._slots.events.append(_event(action.id, entry, (now - started) * 1e3))
            self._slots.has_changed = True
        return True

    def _has_room(self, action: SlotAction, sequence: Sequence, parked: Entry | None) -> bool:
        """Whether it finds its cells; what came later makes room for it."""
        match action:
            case SaveSlot():
                needs_cells = parked is not None and not _is_whole(parked, sequence)
                n_cells = len(parked.tokens) if parked is not None and needs_cells else 0
            case RestoreSlot(tokens=tokens):
                # more than there are is refused when it is done
                n_cells = len(tokens) if len(tokens) <= self._memory.cells.n_cells else 0
            case EraseSlot():
                n_cells = 0
        return not n_cells or self._pressure.make_room_for(action.id, n_cells, sequence)

    def _done(self, action: SlotAction, slot: Slot, parked: Entry | None) -> Entry:
        """Do it; what was saved, restored or erased. StateRefused: nothing has changed."""
        match action:
            case SaveSlot():
                return self._saved(slot.sequence, parked)
            case RestoreSlot():
                state, scope = action.state, _scope_of(action)
                entry = Entry(action.tokens, state, scope, checkpoints=_checkpoints_of(action))
                slot.sequence = self._load(slot.sequence, entry)
                slot.sequence.origin = slot.id
            case EraseSlot():
                entry = Entry(_held(slot.sequence), NO_STATE, slot.sequence.scope)
                self._erase(slot)
        slot.sequence.parked = None
        return entry

    def _fail(self, action: SlotAction, kind: ErrorKind, message: str) -> None:
        self._slots.events.append(Failed(action.id, kind, message))

    # save

    def _saved(self, sequence: Sequence, parked: Entry | None) -> Entry:
        """What a sequence holds; from host memory, if it went there as it was."""
        held = _held(sequence)
        if len(held) and int(held.min()) < 0:
            raise StateRefused("Unable to save slot: images and audio in it can't be saved")
        if parked is not None and _is_whole(parked, sequence):
            return parked
        if parked is not None and not self._memory.unpark(sequence, parked):
            raise StateRefused("Unable to save slot: its state didn't come back; see the log")
        sequence.parked = None  # what host memory has lost is held by nobody
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
        memory.discard(own)
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
