"""Saving and restoring what a context or one of its sequences holds. llama.h: State / sessions

The base of Context. States are bytes that only an equal model with equal context parameters can
read. All calls release the GIL.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np

from llama_ctypes import log
from llama_ctypes.buffers import Bytes
from llama_ctypes.buffers import StrPath
from llama_ctypes.buffers import Tokens
from llama_ctypes.buffers import address
from llama_ctypes.buffers import as_bytes
from llama_ctypes.buffers import as_list
from llama_ctypes.buffers import as_tokens
from llama_ctypes.buffers import path_bytes
from llama_ctypes.ctype import NULL
from llama_ctypes.ctype import ref
from llama_ctypes.errors import SequenceError
from llama_ctypes.errors import StateError
from llama_ctypes.handle import Handle
from llama_ctypes.raw import state as raw
from llama_ctypes.raw.enums import LLAMA_STATE_SEQ_FLAGS_ON_DEVICE
from llama_ctypes.raw.types import llama_context

_INT32_P = ctypes.POINTER(ctypes.c_int32)
_SEQ_HEADER = 8  # magic and sequence id, bytes

State = bytes | bytearray | memoryview | Bytes


class Stateful(Handle[llama_context]):
    """The state calls of a context. `n_seq`: sequence ids that it may use, from 0."""

    noun = "context"
    n_seq: int
    # What LLAMA_STATE_SEQ_FLAGS_ON_DEVICE has saved: C aborts for a header that it does not know.
    _on_device: frozenset[bytes] = frozenset()

    def state_size(self) -> int:
        """Bytes that state_get() returns now."""
        return raw.llama_state_get_size(self.ptr)

    def state_get(self) -> Bytes:
        """The whole state: (n,) uint8."""
        data = np.empty(self.state_size(), dtype=np.uint8)
        n = raw.llama_state_get_data(self.ptr, address(data), len(data))
        return data[:n]

    def state_set(self, data: State) -> None:
        """Restore a whole state. StateError when it does not fit; the memory is cleared then."""
        source, point = as_bytes(data), log.mark()
        if not raw.llama_state_set_data(self.ptr, address(source), len(source)):
            raise StateError(log.explain("the state does not fit this context", point))

    def state_save(self, path: StrPath, tokens: Sequence[int] | Tokens = ()) -> None:
        """Write the whole state, and the tokens that led to it, to a file."""
        ids, point = as_tokens(tokens), log.mark()
        out = ids.ctypes.data_as(_INT32_P)
        if not raw.llama_state_save_file(self.ptr, path_bytes(path), out, len(ids)):
            raise StateError(log.explain(f"{path} could not be written", point))

    def state_load(self, path: StrPath, capacity: int) -> list[int]:
        """Restore a whole state; returns its tokens, of which there may be `capacity`."""
        ids, count, point = np.empty(capacity, dtype=np.int32), ctypes.c_size_t(), log.mark()
        out = ids.ctypes.data_as(_INT32_P)
        if not raw.llama_state_load_file(self.ptr, path_bytes(path), out, capacity, ref(count)):
            raise StateError(log.explain(f"{path} could not be restored", point))
        return as_list(ids[: count.value])

    def seq_state_size(self, seq_id: int, flags: int = 0) -> int:
        """Bytes that seq_state_get() returns now. `flags`: LLAMA_STATE_SEQ_FLAGS_*."""
        return raw.llama_state_seq_get_size_ext(self.ptr, self._check_seq(seq_id), flags)

    def seq_state_get(self, seq_id: int, flags: int = 0) -> Bytes:
        """The state of one sequence: (n,) uint8. With ON_DEVICE, the data stays on the device."""
        data, point = np.empty(self.seq_state_size(seq_id, flags), dtype=np.uint8), log.mark()
        n = raw.llama_state_seq_get_data_ext(self.ptr, address(data), len(data), seq_id, flags)
        if not n:
            raise StateError(log.explain(f"sequence {seq_id} could not be saved", point))
        if flags & LLAMA_STATE_SEQ_FLAGS_ON_DEVICE:
            self._on_device |= {data[:_SEQ_HEADER].tobytes()}
        return data[:n]

    def seq_state_set(self, data: State, seq_id: int, flags: int = 0) -> int:
        """Restore one sequence; returns the bytes read. StateError when it does not fit.

        The sequence is empty after a failure, whatever it held before.
        """
        source, point = as_bytes(data), log.mark()
        self._check_seq(seq_id)
        if flags & LLAMA_STATE_SEQ_FLAGS_ON_DEVICE and (
            source[:_SEQ_HEADER].tobytes() not in self._on_device
        ):
            raise StateError("the state was not saved on this context's device")
        n = raw.llama_state_seq_set_data_ext(self.ptr, address(source), len(source), seq_id, flags)
        if not n:
            raise StateError(log.explain(f"the state does not fit sequence {seq_id}", point))
        return n

    def seq_save(self, path: StrPath, seq_id: int, tokens: Sequence[int] | Tokens = ()) -> int:
        """Write one sequence and its tokens to a file; returns the bytes written."""
        ids, point = as_tokens(tokens), log.mark()
        out = ids.ctypes.data_as(_INT32_P)
        n = raw.llama_state_seq_save_file(
            self.ptr, path_bytes(path), self._check_seq(seq_id), out, len(ids)
        )
        if not n:
            raise StateError(log.explain(f"{path} could not be written", point))
        return n

    def seq_load(self, path: StrPath, seq_id: int) -> list[int]:
        """Restore one sequence from a file; returns its tokens. StateError when it does not fit."""
        count, point, name = ctypes.c_size_t(), log.mark(), path_bytes(path)
        ctx = self.ptr
        self._check_seq(seq_id)
        found = raw.llama_state_seq_load_file(ctx, name, seq_id, NULL, 0, ref(count))
        ids = np.empty(count.value if found else 0, dtype=np.int32)
        # An empty array has no address, and NULL means: only count.
        out = (ids if len(ids) else np.empty(1, dtype=np.int32)).ctypes.data_as(_INT32_P)
        if not found or not raw.llama_state_seq_load_file(
            ctx, name, seq_id, out, len(ids), ref(count)
        ):
            raise StateError(log.explain(f"{path} could not be restored", point))
        return as_list(ids)

    def _check_seq(self, seq_id: int) -> int:
        if not 0 <= seq_id < self.n_seq:
            raise SequenceError(f"sequence {seq_id} is out of range: this context has {self.n_seq}")
        return seq_id
