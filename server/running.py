"""What a worker is working on, in memory that its parent shares.

If native code ends the worker, the parent can still say which requests were running.

Written on the engine's thread with every snapshot, which comes before the step that a request
begins with. It holds ids and sizes, never texts.
"""

from __future__ import annotations

import mmap
import struct

from server.engine.snapshot import SlotSnapshot
from server.engine.snapshot import Snapshot

SIZE_BYTES = 64 << 10
_LENGTH = struct.Struct("=I")


class RunningRecord:
    """Make it before the fork."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, SIZE_BYTES)

    def write(self, snapshot: Snapshot) -> None:
        """In the worker: these requests run now."""
        lines = [_line(slot) for slot in snapshot.slots if slot.is_processing]
        text = "\n".join(lines).encode()[: SIZE_BYTES - _LENGTH.size]
        # a worker that is killed in between leaves no length, and thus no nonsense
        self.clear()
        self._memory[_LENGTH.size : _LENGTH.size + len(text)] = text
        _LENGTH.pack_into(self._memory, 0, len(text))

    def clear(self) -> None:
        """In the worker: it ends as it was meant to."""
        _LENGTH.pack_into(self._memory, 0, 0)

    def lines(self) -> list[str]:
        """In the parent: one for each request."""
        (length,) = _LENGTH.unpack_from(self._memory, 0)
        text = self._memory[_LENGTH.size : _LENGTH.size + length]
        return text.decode(errors="replace").splitlines()

    def close(self) -> None:
        """In the parent, when the worker is gone."""
        self._memory.close()


def _line(slot: SlotSnapshot) -> str:
    task = slot.task
    if task is None:
        return f"slot {slot.id}"
    name = task.cmpl_id or f"task {task.id}"
    owner = f", key {task.owner}" if task.owner else ""
    n_generated = slot.timings.n_decoded
    sizes = f"{len(task.prompt)} prompt tokens, {n_generated} generated"
    return f"{name} (slot {slot.id}, {sizes}{owner})"
