"""The memory of a context: the KV cache, or the state of a recurrent model. llama.h: Memory

Part of a context, so it owns nothing but keeps the context alive. Ranges of positions are [p0, p1);
a negative p0 means from the start, a negative p1 to the end. Sequence ids are checked here, because
C aborts the process for a wrong one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llama_ctypes.errors import SequenceError
from llama_ctypes.raw import memory as raw
from llama_ctypes.raw.types import llama_memory_t

if TYPE_CHECKING:
    from llama_ctypes.context import Context


class Memory:
    """What the sequences of a context hold. Short calls, which keep the GIL."""

    __slots__ = ("_context", "_pointer", "n_seq", "unified")

    def __init__(
        self, context: Context, pointer: llama_memory_t, n_seq: int, unified: bool
    ) -> None:
        """`n_seq` sequence ids may be used, from 0. Use `Context.memory`."""
        self._context = context
        self._pointer = pointer
        self.n_seq = n_seq
        self.unified = unified

    @property
    def ptr(self) -> llama_memory_t:
        """The live pointer. UseAfterFree when the context has been freed."""
        self._context.ptr  # noqa: B018
        return self._pointer

    def clear(self, data: bool = True) -> None:
        """Forget everything; with `data` also zero the buffers."""
        raw.llama_memory_clear(self.ptr, data)

    def seq_rm(self, seq_id: int, p0: int = -1, p1: int = -1) -> bool:
        """Remove a range (of any sequence if negative). False: this memory can't be cut there."""
        which = self._check(seq_id) if seq_id >= 0 else -1
        return raw.llama_memory_seq_rm(self.ptr, which, p0, p1)

    def seq_cp(self, source: int, target: int, p0: int = -1, p1: int = -1) -> None:
        """Let `target` hold what `source` holds in a range; a unified buffer copies no data.

        SequenceError: part of a sequence between the streams of a buffer that is not unified.
        """
        self._check(target)
        if not self.unified and source != target:
            if p0 > 0 or 0 <= p1 <= self.seq_pos_max(source):
                raise SequenceError("copying part of a sequence needs kv_unified; copy all of it")
            p1 = -1
        raw.llama_memory_seq_cp(self.ptr, self._check(source), target, p0, p1)

    def seq_keep(self, seq_id: int) -> None:
        """Remove all other sequences."""
        raw.llama_memory_seq_keep(self.ptr, self._check(seq_id))

    def seq_add(self, seq_id: int, p0: int, p1: int, delta: int) -> None:
        """Move the positions of a range by `delta`. SequenceError unless `can_shift`."""
        self._check_shift()
        raw.llama_memory_seq_add(self.ptr, self._check(seq_id), p0, p1, delta)

    def seq_div(self, seq_id: int, p0: int, p1: int, divisor: int) -> None:
        """Divide the positions of a range by `divisor` > 0. SequenceError unless `can_shift`."""
        self._check_shift()
        if divisor < 1:
            raise SequenceError(f"positions cannot be divided by {divisor}")
        raw.llama_memory_seq_div(self.ptr, self._check(seq_id), p0, p1, divisor)

    def seq_pos_min(self, seq_id: int) -> int:
        """The first position held, or -1; above 0 with a sliding window."""
        return raw.llama_memory_seq_pos_min(self.ptr, self._check(seq_id))

    def seq_pos_max(self, seq_id: int) -> int:
        """The last position held, or -1."""
        return raw.llama_memory_seq_pos_max(self.ptr, self._check(seq_id))

    @property
    def can_shift(self) -> bool:
        """Whether positions can be moved."""
        return raw.llama_memory_can_shift(self.ptr)

    def _check(self, seq_id: int) -> int:
        if not 0 <= seq_id < self.n_seq:
            raise SequenceError(f"sequence {seq_id} is out of range: this context has {self.n_seq}")
        return seq_id

    def _check_shift(self) -> None:
        if not self.can_shift:
            raise SequenceError(
                "the positions of this memory cannot be moved; decode the tokens again"
            )
