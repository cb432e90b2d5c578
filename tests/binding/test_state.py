"""Saving and restoring contexts and sequences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from llama_ctypes.batch import Batch
from llama_ctypes.context import Context
from llama_ctypes.errors import SequenceError
from llama_ctypes.errors import StateError
from llama_ctypes.model import Model
from llama_ctypes.raw.enums import LLAMA_STATE_SEQ_FLAGS_ON_DEVICE
from tests.binding.conftest import make_context

PROMPT = [1, 260, 261, 262, 263]


@pytest.fixture
def filled(context: Context) -> Context:
    decode(context, PROMPT, 0, 0)
    return context


def decode(context: Context, tokens: list[int], pos: int, seq_id: int) -> list[float]:
    """Logits after the tokens."""
    batch = Batch(len(tokens))
    batch.extend(tokens, pos, seq_id, True)
    context.decode(batch)
    logits: list[float] = context.logits(-1).tolist()
    return logits


def test_sequence_goes_on_from_its_state(model: Model, filled: Context) -> None:
    data = filled.seq_state_get(0)
    with make_context(model) as other:
        assert other.seq_state_set(data, 2) == len(data)
        assert other.memory.seq_pos_max(2) == 4
        np.testing.assert_allclose(
            decode(other, [264], 5, 2), decode(filled, [264], 5, 0), rtol=1e-4, atol=1e-4
        )


def test_size_is_that_of_the_data(filled: Context) -> None:
    assert len(filled.seq_state_get(0)) == filled.seq_state_size(0)
    assert len(filled.state_get()) <= filled.state_size()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_state_is_taken_from_any_buffer(filled: Context, kind: type) -> None:
    data = kind(filled.seq_state_get(0).tobytes())
    filled.seq_state_set(data, 1)
    assert filled.memory.seq_pos_max(1) == 4


def test_whole_context_goes_on_from_its_state(model: Model, filled: Context) -> None:
    data = filled.state_get()
    with make_context(model) as other:
        other.state_set(data)
        assert other.memory.seq_pos_max(0) == 4


def test_sequence_goes_through_a_file(model: Model, filled: Context, tmp_path: Path) -> None:
    path = tmp_path / "sequence.bin"
    assert filled.seq_save(path, 0, PROMPT) == path.stat().st_size
    with make_context(model) as other:
        assert other.seq_load(path, 3) == PROMPT
        assert other.memory.seq_pos_max(3) == 4


def test_sequence_without_tokens_goes_through_a_file(filled: Context, tmp_path: Path) -> None:
    filled.seq_save(tmp_path / "sequence.bin", 0)
    assert filled.seq_load(tmp_path / "sequence.bin", 1) == []
    assert filled.memory.seq_pos_max(1) == 4


def test_whole_context_goes_through_a_file(model: Model, filled: Context, tmp_path: Path) -> None:
    filled.state_save(tmp_path / "state.bin", PROMPT)
    with make_context(model) as other:
        assert other.state_load(tmp_path / "state.bin", 16) == PROMPT
        assert other.memory.seq_pos_max(0) == 4


def test_more_tokens_than_the_capacity_are_refused(filled: Context, tmp_path: Path) -> None:
    filled.state_save(tmp_path / "state.bin", PROMPT)
    with pytest.raises(StateError, match="exceeded capacity"):
        filled.state_load(tmp_path / "state.bin", 4)


@pytest.mark.parametrize("data", [b"", b"\7\0\0\0nonsense", b"\0" * 4000])
def test_nonsense_is_refused(context: Context, data: bytes) -> None:
    with pytest.raises(StateError, match="does not fit"):
        context.seq_state_set(data, 0)
    with pytest.raises(StateError, match="does not fit"):
        context.state_set(data)


def test_truncated_state_is_refused_and_leaves_the_sequence_empty(filled: Context) -> None:
    data = filled.seq_state_get(0)
    with pytest.raises(StateError, match="does not fit sequence 1"):
        filled.seq_state_set(data[:-100], 1)
    assert filled.memory.seq_pos_max(1) == -1
    assert filled.memory.seq_pos_max(0) == 4


def test_state_that_is_larger_than_the_context_is_refused(model: Model, context: Context) -> None:
    with make_context(model, n_ctx=512) as large:
        for start in range(0, 320, 64):
            decode(large, [260] * 64, start, 0)
        with pytest.raises(StateError, match="does not fit sequence 0"):
            context.seq_state_set(large.seq_state_get(0), 0)


def test_missing_and_broken_files_are_refused(context: Context, tmp_path: Path) -> None:
    (tmp_path / "broken.bin").write_bytes(b"GGSQ and no more")
    for name in ("missing.bin", "broken.bin"):
        with pytest.raises(StateError, match=f"{name} could not be restored"):
            context.seq_load(tmp_path / name, 0)


def test_file_that_cannot_be_written_is_an_error(filled: Context, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="could not be written"):
        filled.seq_save(tmp_path / "no" / "such" / "directory", 0)


def test_sequence_out_of_range_is_refused(filled: Context, tmp_path: Path) -> None:
    data = filled.seq_state_get(0)
    for use in (
        lambda: filled.seq_state_get(256),
        lambda: filled.seq_state_set(data, 256),
        lambda: filled.seq_save(tmp_path / "x", 256),
        lambda: filled.seq_load(tmp_path / "x", -1),
    ):
        with pytest.raises(SequenceError, match="out of range"):
            use()


def test_state_that_this_device_never_saved_is_refused(filled: Context) -> None:
    data = filled.seq_state_get(0)
    with pytest.raises(StateError, match="not saved on this context's device"):
        filled.seq_state_set(data, 1, LLAMA_STATE_SEQ_FLAGS_ON_DEVICE)


def test_state_kept_on_the_device_comes_back(filled: Context) -> None:
    data = filled.seq_state_get(0, LLAMA_STATE_SEQ_FLAGS_ON_DEVICE)
    filled.memory.seq_rm(0)
    filled.seq_state_set(data, 0, LLAMA_STATE_SEQ_FLAGS_ON_DEVICE)
    assert filled.memory.seq_pos_max(0) == 4
