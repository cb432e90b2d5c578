"""A batch of tokens or embeddings for one decode, in arrays allocated once. llama.h: llama_batch

Filling it costs no allocation: single rows go through `array.array` (the fastest scalar store that
Python has), runs of a prompt through numpy views of the same memory. Knows no context; indices
returned here are what Context.logits and SamplerChain.sample take.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from llama_ctypes.buffers import Floats
from llama_ctypes.buffers import Tokens
from llama_ctypes.buffers import as_list
from llama_ctypes.buffers import as_tokens
from llama_ctypes.errors import BatchError
from llama_ctypes.raw.types import llama_batch

_INT32_P = ctypes.POINTER(ctypes.c_int32)


class Batch:
    """Up to `capacity` rows, each in up to `n_seq_max` sequences.

    With `n_embd` it carries embeddings of that width instead of token ids. Reuse one batch:
    clear(), add rows, decode. The arrays must not change while a decode runs.
    """

    def __init__(self, capacity: int, n_seq_max: int = 1, n_embd: int = 0) -> None:
        """Allocate everything. BatchError when nothing would fit."""
        if capacity < 1 or n_seq_max < 1:
            raise BatchError("a batch needs room for at least one row and one sequence")
        self.capacity = capacity
        self.n_seq_max = n_seq_max
        self.n_embd = n_embd
        self.n_tokens = 0
        self.n_outputs = 0
        self._token = array("i", bytes(4 * capacity))
        self._pos = array("i", bytes(4 * capacity))
        self._n_seq_id = array("i", bytes(4 * capacity))
        self._seq_id = array("i", bytes(4 * capacity * n_seq_max))
        self._output = array("b", bytes(capacity))
        self._np_token = np.frombuffer(self._token, dtype=np.int32)
        self._np_pos = np.frombuffer(self._pos, dtype=np.int32)
        self._np_n_seq_id = np.frombuffer(self._n_seq_id, dtype=np.int32)
        self._np_seq_id = np.frombuffer(self._seq_id, dtype=np.int32).reshape(capacity, n_seq_max)
        self._np_output = np.frombuffer(self._output, dtype=np.int8)
        self._embd = np.zeros((capacity, n_embd), dtype=np.float32) if n_embd else None
        self._iota = np.arange(capacity, dtype=np.int32)
        self._seq_rows = self._row_pointers()
        self._c = self._struct()

    @property
    def as_c(self) -> llama_batch:
        """The C struct over the arrays, with the rows added so far."""
        self._c.n_tokens = self.n_tokens
        return self._c

    def clear(self) -> None:
        """Forget all rows."""
        self.n_tokens = 0
        self.n_outputs = 0

    def add(self, token: int, pos: int, seq_ids: Sequence[int], output: bool) -> int:
        """Append one token, in all of `seq_ids`; returns its index. BatchError when it is full."""
        i = self.n_tokens
        n = len(seq_ids)
        if i >= self.capacity or n > self.n_seq_max or n == 0 or self._embd is not None:
            raise self._refusal(1, n)
        self._token[i] = token
        self._pos[i] = pos
        self._n_seq_id[i] = n
        self._seq_id[i * self.n_seq_max] = seq_ids[0]
        if n > 1:
            self._np_seq_id[i, :n] = seq_ids
        self._output[i] = output
        self.n_outputs += output
        self.n_tokens = i + 1
        return i

    def extend(
        self, tokens: Tokens | Sequence[int], pos_start: int, seq_id: int, output_last: bool
    ) -> int:
        """Append tokens at positions from `pos_start`; returns the index of the first."""
        ids = as_tokens(tokens)
        if self._embd is not None:
            raise self._refusal(len(ids), 1)
        start = self._run(len(ids), pos_start, seq_id, output_last)
        self._np_token[start : self.n_tokens] = ids
        return start

    def extend_embeddings(
        self, rows: Floats, pos_start: int, seq_id: int, output_last: bool
    ) -> int:
        """Append embeddings, (n, n_embd) float32; returns the index of the first."""
        if self._embd is None or rows.ndim != 2 or rows.shape[1] != self.n_embd:
            raise BatchError(
                f"embeddings of shape {rows.shape} do not fit a batch of width {self.n_embd}"
            )
        start = self._run(len(rows), pos_start, seq_id, output_last)
        self._embd[start : self.n_tokens] = rows
        return start

    def set_output(self, i: int, output: bool) -> None:
        """Choose whether row `i` gets logits (or an embedding)."""
        if not 0 <= i < self.n_tokens:
            raise BatchError(f"the batch has no row {i}: it has {self.n_tokens}")
        self.n_outputs += int(output) - self._output[i]
        self._output[i] = output

    def set_all_outputs(self) -> None:
        """Let every row get an embedding (or logits)."""
        self._np_output[: self.n_tokens] = 1
        self.n_outputs = self.n_tokens

    def tokens(self) -> list[int]:
        """The token ids added so far, for logs and tests."""
        return as_list(self._np_token[: self.n_tokens])

    def _run(self, n: int, pos_start: int, seq_id: int, output_last: bool) -> int:
        start, end = self.n_tokens, self.n_tokens + n
        if end > self.capacity:
            raise self._refusal(n, 1)
        np.add(self._iota[:n], pos_start, out=self._np_pos[start:end])
        self._np_n_seq_id[start:end] = 1
        self._np_seq_id[start:end, 0] = seq_id
        self._np_output[start:end] = 0
        if n:
            self._output[end - 1] = output_last
            self.n_outputs += output_last
        self.n_tokens = end
        return start

    def _refusal(self, n_rows: int, n_seq: int) -> BatchError:
        if n_seq == 0:
            return BatchError("a row must belong to at least one sequence")
        if n_seq > self.n_seq_max:
            return BatchError(
                f"a row of this batch can be in {self.n_seq_max} sequences, not in {n_seq}"
            )
        if self._embd is not None:
            return BatchError("this batch carries embeddings; make one with n_embd=0 for tokens")
        return BatchError(f"{n_rows} rows do not fit: {self.n_tokens} of {self.capacity} are taken")

    def _row_pointers(self) -> npt.NDArray[np.uintp]:
        """(capacity + 1,) addresses of the rows of sequence ids, and a NULL after them."""
        rows = np.zeros(self.capacity + 1, dtype=np.uintp)
        rows[:-1] = self._seq_id.buffer_info()[0]
        rows[:-1] += np.arange(self.capacity, dtype=np.uintp) * np.uintp(4 * self.n_seq_max)
        return rows

    def _struct(self) -> llama_batch:
        batch = llama_batch(n_tokens=0)
        if self._embd is None:
            batch.token = _pointer(self._token, _INT32_P)
        else:
            batch.embd = self._embd.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        batch.pos = _pointer(self._pos, _INT32_P)
        batch.n_seq_id = _pointer(self._n_seq_id, _INT32_P)
        batch.seq_id = self._seq_rows.ctypes.data_as(ctypes.POINTER(_INT32_P))
        batch.logits = _pointer(self._output, ctypes.POINTER(ctypes.c_int8))
        return batch


def _pointer(memory: array[int], kind: Any) -> Any:
    return ctypes.cast(memory.buffer_info()[0], kind)
