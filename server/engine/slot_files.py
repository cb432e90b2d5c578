"""Files that hold the tokens and the state of one slot, in llama-server's format.

Ours end with a few lines of our own, which llama-server doesn't read: a checksum, which model the
state is of, and whose prefix it is. Everything is checked before libllama sees it, and a file is
written beside its place and then moved there. May block for long: not for the engine's thread. It
knows no engine and no HTTP. Answers to llama_state_seq_save_file of `src/llama-context.cpp` and
to server_tokens::serialize of `tools/server/server-common.cpp` in llama.cpp.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from server.engine import state_layout
from server.engine.modelinfo import ModelInfo
from server.engine.state_layout import BadLayout
from server.engine.task import Adapters
from server.engine.task import Tokens

Bytes = NDArray[np.uint8]

HEAD = struct.Struct("<4sII")
"""Magic, version, int32 values that follow."""
MAGIC = b"qsgg"
VERSION = 3
"""llama.h: LLAMA_STATE_SEQ_MAGIC, LLAMA_STATE_SEQ_VERSION"""

MARKER = -1
"""What a packed list of tokens begins with; older files hold the tokens as they are."""
PACKED_VERSION = 1

STATE_HEAD = struct.pack("<Ii", 0xAF143CD8, 0)
"""What the runner's states begin with and files leave out: libllama's magic, a sequence id."""

TAIL = struct.Struct("<II8s")
"""The end of our files: bytes of our own lines before it, CRC-32 of all but itself, magic."""
TAIL_MAGIC = b"llamactl"
TAIL_VERSION = 1

N_SAMPLES = 64
SAMPLE_BYTES = 4096


class SlotFileError(Exception):
    """A file that can't be used or written; the text says why, and fits after the file's name."""


@dataclass(frozen=True, slots=True, eq=False)
class SavedSlot:
    """What a file holds. tokens: (n,) int32; state as the runner saves it, (n,) uint8."""

    tokens: Tokens
    state: Bytes
    cache_salt: str = ""
    adapters: Adapters = ()
    n_bare: int = 0
    checkpoints: tuple[tuple[int, Bytes], ...] = ()
    is_foreign: bool = False
    """Whether llama-server wrote it, which doesn't say what adapters it was computed with."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells models apart: hashes of what they say of themselves, and of some weights."""

    facts: str
    weights: str
    """Empty where the file could not be read."""

    def is_other(self, other: Fingerprint) -> bool:
        """Whether these are surely two models."""
        if self.facts != other.facts:
            return True
        return bool(self.weights and other.weights and self.weights != other.weights)


def fingerprint(info: ModelInfo) -> Fingerprint:
    """Of a loaded model, whatever has become of its file."""
    facts = [info.n_params, info.size_bytes, info.n_vocab, sorted(info.metadata.items())]
    return Fingerprint(hashlib.sha256(repr(facts).encode()).hexdigest(), info.weights_digest)


def weights_digest(path: str) -> str:
    """For ModelInfo. Reads a quarter of a MiB; "" = the file can't be read."""
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            weights = hashlib.sha256()
            for i in range(1, N_SAMPLES + 1):
                file.seek(max(0, size * i // N_SAMPLES - SAMPLE_BYTES))
                weights.update(file.read(SAMPLE_BYTES))
    except OSError:
        return ""
    return weights.hexdigest()


# write


def write(path: Path, saved: SavedSlot, model: Fingerprint, info: ModelInfo, stream: int) -> int:
    """Save a slot; returns the bytes written. SlotFileError: there is what was there before.

    stream: the slot's own, where llama-server would split its KV buffer into several.
    """
    packed = np.array([MARKER, PACKED_VERSION, len(saved.tokens), *saved.tokens, 0], np.int32)
    head = HEAD.pack(MAGIC, VERSION, len(packed))
    state = _as_saved(saved, info.n_file_streams, stream)
    own = _own_lines(saved, model, info.n_streams)
    checkpoints = [checkpoint.data for _, checkpoint in saved.checkpoints]
    return _write_whole(path, [head, packed.data, state.data, *checkpoints, own])


def _own_lines(saved: SavedSlot, model: Fingerprint, n_streams: int) -> bytes:
    adapters = ",".join(f"{i}:{scale!r}" for i, scale in saved.adapters)
    salt = saved.cache_salt.encode().hex()
    sizes = ",".join(f"{n}:{checkpoint.nbytes}" for n, checkpoint in saved.checkpoints)
    values = (
        *(TAIL_VERSION, model.facts, model.weights, salt, adapters, saved.n_bare),
        *(n_streams, sizes),
    )
    return "".join(f"{value}\n" for value in values).encode()


def _as_saved(saved: SavedSlot, n_streams: int, stream: int) -> Bytes:
    state = saved.state[len(STATE_HEAD) :]
    try:
        parts = state_layout.parse(state, len(saved.tokens))
    except BadLayout:  # a kind of memory that state_layout doesn't know: of use to us alone
        return state
    return state_layout.with_streams(state, parts, n_streams, stream)


def _write_whole(path: Path, pieces: Iterable[bytes | memoryview]) -> int:
    """Write pieces and the tail beside path, then move them there."""
    beside = path.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        with beside.open("xb") as file:
            crc, n_own = 0, 0
            for piece in pieces:
                file.write(piece)
                crc = zlib.crc32(piece, crc)
                n_own = len(piece)
            file.write(TAIL.pack(n_own, _tail_crc(n_own, crc), TAIL_MAGIC))
            file.flush()
            os.fsync(file.fileno())
            n_bytes = file.tell()
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise SlotFileError(f"could not be written: {error.strerror or error}") from error
    return n_bytes


def _tail_crc(n_own: int, crc: int) -> int:
    """CRC-32 of all that comes before, whose own is crc, and of the number that comes then."""
    return zlib.crc32(struct.pack("<I", n_own), crc)


# read


def read(path: Path, model: Fingerprint, info: ModelInfo) -> tuple[SavedSlot, int]:
    """What a file holds for this model, and the bytes read. SlotFileError."""
    data = _read_bytes(path)
    body, own = _without_tail(data)
    if own is not None and model.is_other(own.model):
        raise SlotFileError("was saved by another model; restore it with that one")
    tokens, state = _tokens(body)
    if len(tokens) > info.n_ctx_slot:
        raise SlotFileError(
            f"holds {len(tokens)} tokens, a slot's context {info.n_ctx_slot}; raise --ctx-size"
        )
    if len(tokens) and not 0 <= int(tokens.min()) <= int(tokens.max()) < info.n_vocab:
        raise SlotFileError("has tokens that this model doesn't know: it is of another model")
    try:
        parts = state_layout.parse(state, len(tokens))
        state_layout.check_positions(parts, len(tokens))
    except BadLayout as error:
        raise SlotFileError(f"is damaged: {error}") from None
    state = state_layout.with_streams(state, parts, info.n_streams, 0)
    state = np.concatenate([np.frombuffer(STATE_HEAD, np.uint8), state])
    if own is None:
        return SavedSlot(tokens, state, is_foreign=True), len(data)
    # checkpoints are for a server whose KV buffer is split as that one's was
    checkpoints = own.checkpoints if own.n_streams == info.n_streams else ()
    saved = SavedSlot(tokens, state, own.salt, own.adapters, own.n_bare, checkpoints)
    return saved, len(data)


def _read_bytes(path: Path) -> Bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SlotFileError("is no file")
        return np.fromfile(path, np.uint8)
    except FileNotFoundError:
        raise SlotFileError("does not exist in --slot-save-path") from None
    except (OSError, MemoryError) as error:
        raise SlotFileError(f"can't be read: {error}") from error


@dataclass(frozen=True, slots=True)
class _Own:
    """Our own lines at the end of a file."""

    model: Fingerprint
    salt: str
    adapters: Adapters
    n_bare: int
    n_streams: int
    checkpoints: tuple[tuple[int, Bytes], ...]


def _without_tail(data: Bytes) -> tuple[Bytes, _Own | None]:
    """What llama-server wrote or would have written, and what we added to it."""
    end = len(data) - TAIL.size
    if end < 0 or data[-len(TAIL_MAGIC) :].tobytes() != TAIL_MAGIC:
        return data, None
    n_own, crc, _ = TAIL.unpack(data[end:].tobytes())
    if n_own > end or _tail_crc(n_own, zlib.crc32(data[:end].data)) != crc:
        raise SlotFileError("is damaged: its checksum is wrong")
    version, *values = data[end - n_own : end].tobytes().decode().split("\n")[:-1]
    if version != str(TAIL_VERSION):
        raise SlotFileError("was saved by a later version of this server")
    facts, weights, salt, adapters, n_bare, n_streams, sizes = values
    end -= n_own
    checkpoints = []
    for n_tokens, n_bytes in reversed(_pairs(sizes)):
        checkpoints.append((int(n_tokens), data[end - int(n_bytes) : end]))
        end -= int(n_bytes)
    own = _Own(
        Fingerprint(facts, weights),
        bytes.fromhex(salt).decode(),
        tuple((int(i), float(scale)) for i, scale in _pairs(adapters)),
        int(n_bare),
        int(n_streams),
        tuple(reversed(checkpoints)),
    )
    return data[:end], own


def _pairs(text: str) -> list[list[str]]:
    return [pair.split(":") for pair in text.split(",") if pair]


def _tokens(body: Bytes) -> tuple[Tokens, Bytes]:
    """The tokens of a file, and the state that follows them."""
    if len(body) < HEAD.size:
        raise SlotFileError("is no saved slot")
    magic, version, n_values = HEAD.unpack(body[: HEAD.size].tobytes())
    if magic != MAGIC:
        raise SlotFileError("is no saved slot")
    if version != VERSION:
        raise SlotFileError(f"has version {version} of the format, this server reads {VERSION}")
    end = HEAD.size + 4 * n_values
    if end > len(body):
        raise SlotFileError("is damaged: it ends within its tokens")
    values = np.frombuffer(body[HEAD.size : end].tobytes(), np.int32)
    if not len(values) or values[0] != MARKER:
        return values, body[end:]
    if len(values) < 4 or values[1] != PACKED_VERSION:
        raise SlotFileError("has a list of tokens that this server can't read")
    n_tokens = int(values[2])
    if not 0 <= n_tokens <= len(values) - 4:
        raise SlotFileError("is damaged: it ends within its tokens")
    if values[3 + n_tokens] != 0:
        raise SlotFileError("has images or audio in it, which can't be restored")
    if len(values) != 4 + n_tokens:
        raise SlotFileError("is damaged: there is more after its tokens than there can be")
    return values[3 : 3 + n_tokens], body[end:]
