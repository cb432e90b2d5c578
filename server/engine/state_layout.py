"""How libllama lays out the state of one sequence, as far as a server must look into it.

A state that comes from a file is foreign data: libllama trusts its positions and aborts the process
for some that can't be. It also says into how many streams the KV buffer was split when it was
saved, which depends on `-np` and means nothing for the tokens in it. Here positions are checked and
streams are counted anew. It knows no file, no context and no model. Answers to state_write of
llama.cpp `src/llama-kv-cache.cpp` and `src/llama-memory-recurrent.cpp`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

N_STREAMS_MAX = 256
N_LAYERS_MAX = 4096
N_TYPES = 64
ROW_MAX = 1 << 28
"""Bytes that a token takes in one layer; more is taken for damage."""

PLAIN_CELL = 3
"""A cell's int32 values: position, number of sequences (1), sequence."""
WIDE_CELL = 6
"""The same with x, y and token before the sequence, for models with 2D positions."""


class BadLayout(ValueError):
    """These bytes are no state of one sequence."""


@dataclass(frozen=True, slots=True)
class KvPart:
    """A part that holds a cell for each token. start, body, body_end and end are offsets.

    In [start, body) and [body_end, end) are the counts of streams that hold nothing of it.
    """

    start: int
    body: int
    body_end: int
    end: int
    n_streams: int
    positions: NDArray[np.int32]
    """(n_cells,), in the order of the cells."""


@dataclass(frozen=True, slots=True)
class RecurrentPart:
    """A part that holds one state, that of the last token."""

    start: int


Part = KvPart | RecurrentPart


def parse(state: Bytes, n_tokens: int) -> list[Part]:
    """The parts of the state of n_tokens tokens, without libllama's header, (n,) uint8. BadLayout.

    A part that holds cells begins with a number of streams, then of cells, a recurrent one with a
    number of cells, then a position: only the whole beginning tells them apart.
    """
    parts: list[Part] = []
    at = 0
    while at < len(state):
        recurrent = _recurrent_part(state, at, n_tokens)
        if recurrent is not None:
            parts.append(recurrent)  # always the last one
            break
        part = _kv_part(state, at)
        parts.append(part)
        at = part.end
    if not parts:
        raise BadLayout("it is empty")
    return parts


def check_positions(parts: list[Part], n_tokens: int) -> None:
    """BadLayout unless the parts are those of a sequence at positions 0 to n_tokens - 1."""
    for i, part in enumerate(parts):
        if isinstance(part, RecurrentPart):
            continue
        held = np.sort(part.positions)
        n = len(held)
        if n == 0 and n_tokens == 0:
            continue
        # a later part may hold the end of the sequence only: a window
        first = n_tokens - n
        if n == 0 or first < 0 or not np.array_equal(held, np.arange(first, n_tokens)):
            raise BadLayout(f"its {n} cells are not those of {n_tokens} tokens")
        if first and i == 0:
            raise BadLayout(f"it has {n} cells for {n_tokens} tokens")


def with_streams(state: Bytes, parts: list[Part], n_streams: int, stream: int) -> Bytes:
    """The same state as a buffer of n_streams streams saves it for a sequence in one of them."""
    counts = {part.n_streams for part in parts if isinstance(part, KvPart)}
    if counts <= {n_streams}:
        return state  # which of them it is doesn't matter to who reads it
    pieces: list[Bytes] = []
    at = 0
    for part in parts:
        if not isinstance(part, KvPart):
            break
        before, after = stream, n_streams - stream - 1
        if part.body == part.body_end:  # a count of zero for every stream
            before, after = n_streams, 0
        pieces += [_u32(n_streams), _u32(*[0] * before), state[part.body : part.body_end]]
        pieces.append(_u32(*[0] * after))
        at = part.end
    pieces.append(state[at:])
    return np.concatenate(pieces)


def _u32(*values: int) -> Bytes:
    return np.frombuffer(struct.pack(f"<{len(values)}I", *values), np.uint8)


class _Reader:
    """Numbers from a state, never beyond its end."""

    def __init__(self, state: Bytes, at: int) -> None:
        self._state = state
        self.at = at

    def take(self, n_bytes: int) -> Bytes:
        if n_bytes > len(self._state) - self.at:
            raise BadLayout("it ends too early")
        self.at += n_bytes
        return self._state[self.at - n_bytes : self.at]

    def u32(self, limit: int) -> int:
        """A count that is at most limit."""
        value: int = struct.unpack("<I", self.take(4).tobytes())[0]
        if value > limit:
            raise BadLayout(f"it says {value} where at most {limit} can be")
        return value

    def i32s(self, n: int) -> NDArray[np.int32]:
        return np.frombuffer(self.take(4 * n).tobytes(), np.int32)

    def row(self) -> int:
        """A tensor type and the bytes of a row; returns the latter."""
        kind, size = struct.unpack("<iQ", self.take(12).tobytes())
        if not 0 <= kind < N_TYPES or not 0 < size <= ROW_MAX:
            raise BadLayout(f"it has rows of type {kind} and {size} bytes")
        return int(size)

    def column(self) -> int:
        """A tensor type, the bytes of a value and the values of a token; returns its bytes."""
        kind, n_bytes, n = struct.unpack("<iII", self.take(12).tobytes())
        if not 0 <= kind < N_TYPES or not 0 < n_bytes * n <= ROW_MAX:
            raise BadLayout(f"it has {n} values of type {kind} and {n_bytes} bytes")
        return int(n_bytes * n)


def _kv_part(state: Bytes, start: int) -> KvPart:
    reader = _Reader(state, start)
    n_streams = reader.u32(N_STREAMS_MAX)
    if not n_streams:
        raise BadLayout("it has no streams")
    n_cells, body, body_end = 0, reader.at, reader.at
    positions: NDArray[np.int32] = np.empty(0, np.int32)
    for _ in range(n_streams):
        at = reader.at
        count = reader.u32(len(state))
        if not count:
            continue
        if n_cells:
            raise BadLayout("it has cells in several streams")
        n_cells, body = count, at
        positions = _cells(reader, count)
        _rows(reader, count)
        body_end = reader.at
    if not n_cells:
        body = body_end = reader.at
    return KvPart(start, body, body_end, reader.at, n_streams, positions)


def _cells(reader: _Reader, count: int) -> NDArray[np.int32]:
    """The positions of count cells, each of one sequence."""
    at = reader.at
    for width in (PLAIN_CELL, WIDE_CELL):
        reader.at = at
        try:
            cells = reader.i32s(width * count).reshape(count, width)
        except BadLayout:
            break
        if (cells[:, 1] == 1).all():
            positions: NDArray[np.int32] = cells[:, 0].copy()
            return positions
    raise BadLayout("its cells are not those of one sequence")


def _rows(reader: _Reader, count: int) -> None:
    """Skip keys and values of count cells."""
    is_transposed = reader.u32(1)
    n_layers = reader.u32(N_LAYERS_MAX)
    for _ in range(n_layers):
        reader.take(reader.row() * count)
    at = reader.at
    try:
        for _ in range(n_layers):
            reader.take((reader.column() if is_transposed else reader.row()) * count)
    except BadLayout:
        # there are models that keep no values beside the keys
        reader.at = at


def _recurrent_part(state: Bytes, start: int, n_tokens: int) -> RecurrentPart | None:
    """A recurrent part if one begins there. libllama aborts for one with more than one cell."""
    n_cells = min(n_tokens, 1)
    cell = [n_tokens - 1, 0] if n_tokens else []  # its position, and 0 sequence ids
    expected = np.array([n_cells, *cell, 0], np.int32).view(np.uint8)  # 0: not transposed
    found = state[start : start + len(expected)]
    return RecurrentPart(start) if np.array_equal(found, expected) else None
