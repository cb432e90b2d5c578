"""Slot files: what is written comes back, what is damaged or another model's is refused."""

from __future__ import annotations

import os
import random
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from server.engine import slot_files
from server.engine import state_layout
from server.engine.slot_files import Fingerprint
from server.engine.slot_files import SavedSlot
from server.engine.slot_files import SlotFileError
from server.engine.state_layout import BadLayout
from server.engine.state_layout import Bytes
from tests.fakes import info

MODEL = Fingerprint("facts", "weights")
TOKENS = np.arange(5, dtype=np.int32)
RECORDED = Path(__file__).parents[1] / "e2e" / "data" / "llama-server-slot.bin"


def kv_part(
    positions: range, n_streams: int = 1, *, n_layers: int = 2, transposed: bool = False
) -> bytes:
    """A KV buffer's part of a state, as libllama writes it: rows of 8 bytes, in stream 0."""
    n = len(positions)
    cells = b"".join(struct.pack("<iIi", pos, 1, 0) for pos in positions)
    keys = struct.pack("<iQ", 1, 8) + bytes(8 * n)
    values = (struct.pack("<iII", 1, 2, 4) if transposed else keys[:12]) + bytes(8 * n)
    rows = struct.pack("<II", transposed, n_layers) + n_layers * keys + n_layers * values
    return (
        struct.pack("<II", n_streams, n) + (cells + rows if n else b"") + bytes(4 * n_streams)[4:]
    )


def recurrent_part(pos: int) -> bytes:
    """A recurrent part of a state: one cell, one layer with two rows."""
    row = struct.pack("<iQ", 0, 16) + bytes(16)
    return struct.pack("<IiIII", 1, pos, 0, 0, 1) + 2 * row


def as_state(*parts: bytes) -> Bytes:
    """A state without libllama's header."""
    return np.frombuffer(b"".join(parts), np.uint8)


def saved(tokens: object = TOKENS, **fields: object) -> SavedSlot:
    """A slot with a state of positions 0 to 4."""
    state = as_state(slot_files.STATE_HEAD, kv_part(range(5)))
    return SavedSlot(np.array(tokens, np.int32), state, **fields)  # type: ignore[arg-type]


def write(path: Path, slot: SavedSlot | None = None, n_streams: int = 1, stream: int = 0) -> int:
    return slot_files.write(path, slot or saved(), MODEL, info(n_file_streams=n_streams), stream)


def read(path: Path, model: Fingerprint = MODEL, **facts: object) -> SavedSlot:
    return slot_files.read(path, model, info(**facts))[0]


def as_llama_server_writes(path: Path) -> bytes:
    """The bytes of a file that has no checkpoints, without the lines of our own."""
    data = path.read_bytes()
    n_own = slot_files.TAIL.unpack(data[-slot_files.TAIL.size :])[0]
    return data[: -slot_files.TAIL.size - n_own]


def test_a_slot_comes_back(tmp_path: Path) -> None:
    slot = saved(cache_salt="pepper\n", adapters=((1, 0.5), (3, 0.1)), n_bare=2)
    checkpoints = ((2, np.arange(9, dtype=np.uint8)), (4, np.arange(3, dtype=np.uint8)))
    slot = replace(slot, checkpoints=checkpoints)
    n_bytes = write(tmp_path / "a", slot)
    assert n_bytes == (tmp_path / "a").stat().st_size
    back = read(tmp_path / "a")
    assert np.array_equal(back.tokens, slot.tokens)
    assert np.array_equal(back.state, slot.state)
    assert (back.cache_salt, back.adapters) == (slot.cache_salt, slot.adapters)
    assert back.n_bare == 2
    assert [(n, part.tolist()) for n, part in back.checkpoints] == [
        (n, part.tolist()) for n, part in checkpoints
    ]


def test_llama_servers_own_file_is_read_and_would_be_written_alike(tmp_path: Path) -> None:
    slot = read(RECORDED, n_vocab=400, n_ctx_slot=512)
    assert len(slot.tokens) == 41
    slot_files.write(tmp_path / "a", slot, MODEL, info(n_file_streams=2), 0)
    assert as_llama_server_writes(tmp_path / "a") == RECORDED.read_bytes()


def test_a_plain_list_of_tokens_as_older_servers_wrote_it_is_read(tmp_path: Path) -> None:
    head = slot_files.HEAD.pack(slot_files.MAGIC, slot_files.VERSION, len(TOKENS))
    (tmp_path / "a").write_bytes(head + TOKENS.tobytes() + kv_part(range(5)))
    assert np.array_equal(read(tmp_path / "a").tokens, TOKENS)


@pytest.mark.parametrize("stream", [0, 1, 3])
def test_streams_are_counted_as_the_other_side_has_them(tmp_path: Path, stream: int) -> None:
    write(tmp_path / "a", n_streams=4, stream=stream)
    body = as_llama_server_writes(tmp_path / "a")
    streams = struct.pack("<I", 4) + bytes(4 * stream) + kv_part(range(5))[4:]
    assert body.endswith(streams + bytes(4 * (3 - stream)))
    assert np.array_equal(read(tmp_path / "a").state, saved().state)


def test_every_part_of_a_state_has_its_streams_counted() -> None:
    def parts(n_streams: int) -> Bytes:
        window = kv_part(range(2, 5), n_streams, transposed=True)
        return as_state(kv_part(range(5), n_streams), window, recurrent_part(4))

    found = state_layout.parse(parts(3), 5)
    state_layout.check_positions(found, 5)
    assert np.array_equal(state_layout.with_streams(parts(3), found, 1, 0), parts(1))


@pytest.mark.parametrize(
    ("state", "n_tokens"),
    [
        (as_state(kv_part(range(4))), 5),
        (as_state(kv_part(range(1, 6))), 5),
        (as_state(kv_part(range(-1, 4))), 5),
        (as_state(kv_part(range(5)), kv_part(range(3))), 5),
        (as_state(kv_part(range(5)), recurrent_part(3)), 5),
        (as_state(recurrent_part(4), recurrent_part(4)), 9),
        (as_state(kv_part(range(5)))[:-1], 5),
        (as_state(), 0),
    ],
)
def test_a_state_that_is_not_one_of_these_tokens_is_refused(state: Bytes, n_tokens: int) -> None:
    with pytest.raises(BadLayout):
        state_layout.check_positions(state_layout.parse(state, n_tokens), n_tokens)


def test_every_changed_byte_of_our_own_files_is_found(tmp_path: Path) -> None:
    write(tmp_path / "a")
    data = (tmp_path / "a").read_bytes()
    for i in range(len(data) - len(slot_files.TAIL_MAGIC)):
        (tmp_path / "b").write_bytes(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :])
        with pytest.raises(SlotFileError, match="damaged"):
            read(tmp_path / "b")


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a")
    body = as_llama_server_writes(tmp_path / "a")
    n_values = len(kv_part(range(5))) - len(kv_part(range(5), n_layers=1))
    for n in range(len(body)):
        if n == len(body) - n_values:
            continue  # keys without values: libllama refuses them if the model has values
        (tmp_path / "b").write_bytes(body[:n])
        with pytest.raises(SlotFileError):
            read(tmp_path / "b")


def test_no_damage_of_a_foreign_file_is_anything_but_a_refusal(tmp_path: Path) -> None:
    rng = random.Random(1)
    body = RECORDED.read_bytes()
    n_refused = 0
    for _ in range(500):
        data = bytearray(body)
        at = rng.randrange(0, 700, 4)
        data[at : at + 4] = struct.pack("<I", rng.choice((0, 1, 1 << 31, rng.getrandbits(32))))
        (tmp_path / "a").write_bytes(data)
        try:
            slot = read(tmp_path / "a", n_vocab=400, n_ctx_slot=512)
        except SlotFileError:
            n_refused += 1
        else:
            assert len(slot.tokens) == 41
    assert n_refused > 250


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is no saved slot"),
        (b"GGUF" + bytes(99), "is no saved slot"),
        (slot_files.HEAD.pack(slot_files.MAGIC, 2, 0), "version 2"),
        (slot_files.HEAD.pack(slot_files.MAGIC, 3, 1 << 31), "ends within its tokens"),
    ],
)
def test_what_is_no_slot_file_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(SlotFileError, match=reason):
        read(tmp_path / "a")


def test_a_file_of_another_model_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a")
    with pytest.raises(SlotFileError, match="another model"):
        read(tmp_path / "a", Fingerprint("facts", "other weights"))
    with pytest.raises(SlotFileError, match="another model"):
        read(tmp_path / "a", Fingerprint("other facts", ""))
    assert len(read(tmp_path / "a", Fingerprint("facts", "")).tokens) == 5


def test_tokens_that_the_model_does_not_have_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a", saved([1, 2, 3, 4, 300]))
    with pytest.raises(SlotFileError, match="another model"):
        read(tmp_path / "a")


def test_more_tokens_than_a_slot_holds_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a")
    with pytest.raises(SlotFileError, match="--ctx-size"):
        read(tmp_path / "a", n_ctx_slot=4)


def test_images_are_refused(tmp_path: Path) -> None:
    values = np.array([-1, 1, 5, *range(5), 1, 0], np.int32)
    head = slot_files.HEAD.pack(slot_files.MAGIC, slot_files.VERSION, len(values))
    (tmp_path / "a").write_bytes(head + values.tobytes() + kv_part(range(5)))
    with pytest.raises(SlotFileError, match="images"):
        read(tmp_path / "a")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused(tmp_path: Path, make: object) -> None:
    make(tmp_path / "a")  # type: ignore[operator]
    with pytest.raises(SlotFileError, match="is no file"):
        read(tmp_path / "a")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SlotFileError, match="does not exist in --slot-save-path"):
        read(tmp_path / "a")


def test_a_full_disk_leaves_the_file_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a")
    before = (tmp_path / "a").read_bytes()

    def fsync(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(SlotFileError, match="No space left on device"):
        write(tmp_path / "a", saved([4, 3, 2, 1, 0]))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == before


def test_a_fingerprint_knows_models_with_other_weights_or_facts(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(bytes(100_000))
    loaded = info(weights_digest=slot_files.weights_digest(str(path)))
    model = slot_files.fingerprint(loaded)
    assert not model.is_other(slot_files.fingerprint(loaded))
    path.write_bytes(bytes(99_999) + b"x")
    assert not model.is_other(slot_files.fingerprint(loaded))
    changed = info(weights_digest=slot_files.weights_digest(str(path)))
    assert model.is_other(slot_files.fingerprint(changed))
    assert model.is_other(slot_files.fingerprint(replace(loaded, n_params=1001)))


def test_a_fingerprint_of_a_file_that_is_gone_has_the_facts_alone() -> None:
    model = slot_files.fingerprint(info(weights_digest=slot_files.weights_digest("/nowhere")))
    assert model.weights == ""
    assert not model.is_other(replace(model, weights="some"))
