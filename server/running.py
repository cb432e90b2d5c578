"""What a worker is working on, in memory that its parent shares.

If native code ends the worker, the parent can still say which requests were running.

Written on the engine's thread with every snapshot, which comes before the step that a request
begins with. It holds ids, sizes and digests, never texts.
"""

from __future__ import annotations

import mmap
import struct

from server.engine.snapshot import SlotSnapshot
from server.engine.snapshot import Snapshot
from server.quarantine import fingerprint

SIZE_BYTES = 64 << 10
_LENGTH = struct.Struct("=I")


class RunningRecord:
    """Make it before the fork."""

    def __init__(self, *, has_digests: bool = False) -> None:
        """has_digests: whether prompts are to be recognised, which costs a hash of each."""
        self._memory = mmap.mmap(-1, SIZE_BYTES)
        self._has_digests = has_digests
        self._digests: dict[int, bytes] = {}

    def write(self, snapshot: Snapshot) -> None:
        """In the worker: these requests run now."""
        busy = [slot for slot in snapshot.slots if slot.is_processing]
        if self._has_digests:
            tasks = [slot.task for slot in busy if slot.task is not None]
            known = self._digests
            self._digests = {t.id: known.get(t.id) or fingerprint(t.prompt) for t in tasks}
        lines = [f"{self._digest_of(slot).hex()}\t{_line(slot)}" for slot in busy]
        text = "\n".join(lines).encode()[: SIZE_BYTES - _LENGTH.size]
        # a worker that is killed in between leaves no length, and thus no nonsense
        self.clear()
        self._memory[_LENGTH.size : _LENGTH.size + len(text)] = text
        _LENGTH.pack_into(self._memory, 0, len(text))

    def clear(self) -> None:
        """In the worker: it ends as it was meant to."""
        _LENGTH.pack_into(self._memory, 0, 0)

    def ended(self, snapshot: Snapshot) -> list[bytes]:
        """In the worker, before `write`: digests of what ran until now and came to its end."""
        if not self._digests:
            return []
        done = (s for s in snapshot.slots if not s.is_processing and not s.has_next_token)
        digests = (self._digest_of(slot) for slot in done)
        return [digest for digest in digests if digest]

    def lines(self) -> list[str]:
        """In the parent: one for each request."""
        return [line for _, line in self._rows()]

    def digests(self) -> list[bytes]:
        """In the parent: of the prompts of these requests."""
        return [bytes.fromhex(digest) for digest, _ in self._rows() if digest]

    def close(self) -> None:
        """In the parent, when the worker is gone."""
        self._memory.close()

    def _digest_of(self, slot: SlotSnapshot) -> bytes:
        return b"" if slot.task is None else self._digests.get(slot.task.id, b"")

    def _rows(self) -> list[tuple[str, str]]:
        (length,) = _LENGTH.unpack_from(self._memory, 0)
        text = self._memory[_LENGTH.size : _LENGTH.size + length].decode(errors="replace")
        rows = [line.partition("\t") for line in text.splitlines()]
        return [(digest, line) for digest, _, line in rows]


def _line(slot: SlotSnapshot) -> str:
    task = slot.task
    if task is None:
        return f"slot {slot.id}"
    name = task.cmpl_id or f"task {task.id}"
    owner = f", key {task.owner}" if task.owner else ""
    n_generated = slot.timings.n_decoded
    sizes = f"{len(task.prompt)} prompt tokens, {n_generated} generated"
    return f"{name} (slot {slot.id}, {sizes}{owner})"
