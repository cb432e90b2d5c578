"""Save, restore, erase: what clients do to a slot beside running requests in it.

An action waits until its slot is idle and older requests for that slot have begun, as in the
reference. Files are not read or written here: what is saved leaves with the event, what is restored
came with the message. Engine thread only. Answers to SERVER_TASK_TYPE_SLOT_* in llama.cpp
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
from server.engine.memory import Memory
from server.engine.runner import ModelRunner
from server.engine.sequence import Scope
from server.engine.sequence import Sequence
from server.engine.slot import Slot
from server.engine.slots import Slots
from server.engine.task import ErrorKind
from server.engine.task import Failed
from server.engine.task import SlotDone
from server.engine.waiting import SHUTTING_DOWN
from server.engine.waiting import Waiting

NO_ROOM = "no room in the KV cache; wait for other requests to end, or raise --ctx-size"
MISFIT = (
    "Unable to restore slot: filename: its state doesn't fit; restore it with the model and the"
    " --cache-type-k, --cache-type-v and --flash-attn that it was saved with"
)
NO_STATE: NDArray[np.uint8] = np.empty(0, np.uint8)


def _scope_of(action: RestoreSlot) -> Scope:
    return Scope(action.cache_salt, action.adapters, action.n_bare)


def _checkpoints_of(action: RestoreSlot) -> Checkpoints:
    return tuple(Checkpoint(n_tokens, state) for n_tokens, state in action.checkpoints)


class Actions:
    """The actions that wait for their slots."""

    def __init__(
        self,
        runner: ModelRunner,
        slots: Slots,
        memory: Memory,
        waiting: Waiting,
        clock: Callable[[], float],
    ) -> None:
        self._runner = runner
        self._slots = slots
        self._memory = memory
        self._waiting = waiting
        self._clock = clock
        self._actions: list[SlotAction] = []

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
        for action in waiting:
            slot = self._slots.at(action.id_slot)
            if slot.is_busy or self._is_overtaking(action, slot):
                self._actions.append(action)
                continue
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

    def _do(self, action: SlotAction, slot: Slot) -> SlotDone:
        sequence = slot.sequence
        if isinstance(action, SaveSlot) and not self._memory.unpark(sequence):
            raise StateRefused(f"Unable to save slot: {NO_ROOM}")
        held = sequence.tokens if sequence.parked is None else sequence.parked
        tokens, state, scope = held.copy(), NO_STATE, sequence.scope
        match action:
            case SaveSlot():
                state = self._state_of(sequence)
            case RestoreSlot():
                tokens, scope = action.tokens, _scope_of(action)
                entry = Entry(tokens, action.state, scope, checkpoints=_checkpoints_of(action))
                slot.sequence = self._load(sequence, entry)
                slot.sequence.origin = slot.id
            case EraseSlot():
                self._erase(slot)
        checkpoints = tuple((c.n_tokens, c.state) for c in slot.sequence.checkpoints)
        slot.sequence.last_used, slot.sequence.parked = self._clock(), None
        salt, adapters, n_bare, _ = scope
        return SlotDone(action.id, tokens, state, salt, adapters, n_bare, checkpoints)

    def _fail(self, action: SlotAction, kind: ErrorKind, message: str) -> None:
        self._slots.events.append(Failed(action.id, kind, message))

    # save

    def _state_of(self, sequence: Sequence) -> State:
        if sequence.n_tokens and int(sequence.tokens.min()) < 0:
            raise StateRefused("Unable to save slot: images and audio in it can't be saved")
        state = self._runner.save(sequence.id)
        if state is None:
            raise StateRefused("Unable to save slot: its state can't be copied; see the log")
        return state

    # restore

    def _load(self, own: Sequence, entry: Entry) -> Sequence:
        """A sequence of what was saved in place of an idle one. StateRefused: own is as it was."""
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
        if not memory.has_spare_id or not memory.make_room(n):
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
        memory, n = self._memory, len(entry.tokens)
        if n > memory.cells.n_free + memory.cells.n_unique(own.cells):
            raise StateRefused(f"Unable to restore slot: {NO_ROOM}")
        before = memory.entry_of(own, self._state_of(own))
        memory.cut(own, 0)
        if n and not memory.restore(own, entry):
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
