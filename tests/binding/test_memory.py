"""Sequences in the memory of a context."""

from __future__ import annotations

import pytest

from llama_ctypes.batch import Batch
from llama_ctypes.context import Context
from llama_ctypes.errors import SequenceError
from llama_ctypes.errors import UseAfterFree
from llama_ctypes.memory import Memory
from llama_ctypes.model import Model
from tests.binding.conftest import make_context


@pytest.fixture
def memory(context: Context) -> Memory:
    """Sequence 0 holds positions 0 to 9."""
    fill(context)
    return context.memory


def fill(context: Context) -> None:
    batch = Batch(16)
    batch.extend(list(range(260, 270)), 0, 0, True)
    context.decode(batch)


def span(memory: Memory, seq_id: int) -> tuple[int, int]:
    return memory.seq_pos_min(seq_id), memory.seq_pos_max(seq_id)


def test_decoded_positions_are_held(memory: Memory) -> None:
    assert span(memory, 0) == (0, 9)
    assert span(memory, 1) == (-1, -1)


def test_range_is_removed(memory: Memory) -> None:
    assert memory.seq_rm(0, 6, -1)
    assert span(memory, 0) == (0, 5)


def test_all_of_every_sequence_is_removed(memory: Memory) -> None:
    assert memory.seq_rm(-1)
    assert span(memory, 0) == (-1, -1)


def test_copy_shares_a_prefix(memory: Memory) -> None:
    memory.seq_cp(0, 1, 0, 5)
    memory.seq_rm(0)
    assert span(memory, 1) == (0, 4)


def test_keep_removes_the_others(memory: Memory) -> None:
    memory.seq_cp(0, 1)
    memory.seq_keep(1)
    assert (span(memory, 0), span(memory, 1)) == ((-1, -1), (0, 9))


def test_shift_moves_positions(memory: Memory) -> None:
    assert memory.can_shift
    memory.seq_rm(0, 0, 4)
    memory.seq_add(0, 4, -1, -4)
    assert span(memory, 0) == (0, 5)


def test_division_moves_positions(memory: Memory) -> None:
    memory.seq_div(0, 0, -1, 2)
    assert span(memory, 0) == (0, 4)


def test_division_by_zero_is_refused(memory: Memory) -> None:
    with pytest.raises(SequenceError, match="divided by 0"):
        memory.seq_div(0, 0, -1, 0)


def test_clear_forgets_everything(memory: Memory) -> None:
    memory.clear()
    assert span(memory, 0) == (-1, -1)


@pytest.mark.parametrize("bad", [-2, 256])
def test_sequence_out_of_range_is_refused(memory: Memory, bad: int) -> None:
    uses = (
        lambda: memory.seq_cp(0, bad),
        lambda: memory.seq_cp(bad, 0),
        lambda: memory.seq_keep(bad),
        lambda: memory.seq_add(bad, 0, -1, 1),
        lambda: memory.seq_div(bad, 0, -1, 2),
        lambda: memory.seq_pos_min(bad),
        lambda: memory.seq_pos_max(bad),
    )
    for use in uses:
        with pytest.raises(SequenceError, match=f"sequence {bad} is out of range"):
            use()


def test_removing_a_sequence_out_of_range_is_refused(memory: Memory) -> None:
    with pytest.raises(SequenceError):
        memory.seq_rm(256)


def test_unified_buffer_takes_more_sequences_than_n_seq_max(memory: Memory) -> None:
    memory.seq_cp(0, 200)
    assert span(memory, 200) == (0, 9)


def test_part_of_a_sequence_is_not_copied_between_streams(model: Model) -> None:
    with make_context(model, unified=False) as context:
        fill(context)
        memory = context.memory
        with pytest.raises(SequenceError, match="needs kv_unified"):
            memory.seq_cp(0, 1, 0, 5)
        memory.seq_cp(0, 1, 0, 10)
        assert span(memory, 1) == (0, 9)


def test_memory_keeps_its_context_alive(model: Model) -> None:
    assert make_context(model).memory.seq_pos_max(0) == -1


def test_memory_of_a_freed_context_raises(context: Context) -> None:
    memory = context.memory
    context.free()
    for use in (memory.clear, lambda: memory.seq_rm(0), lambda: memory.can_shift):
        with pytest.raises(UseAfterFree):
            use()
