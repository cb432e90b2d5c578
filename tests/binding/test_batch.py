"""Filling batches."""

from __future__ import annotations

import numpy as np
import pytest

from llama_ctypes.batch import Batch
from llama_ctypes.errors import BatchError


def rows(batch: Batch) -> list[tuple[int, int, list[int], int]]:
    """What C sees: token, position, sequence ids, output."""
    c = batch.as_c
    return [
        (c.token[i], c.pos[i], [c.seq_id[i][j] for j in range(c.n_seq_id[i])], c.logits[i])
        for i in range(c.n_tokens)
    ]


def test_added_row_is_what_c_sees() -> None:
    batch = Batch(4, n_seq_max=3)
    assert batch.add(7, 11, (2,), True) == 0
    assert batch.add(8, 12, (0, 1, 2), False) == 1
    assert rows(batch) == [(7, 11, [2], 1), (8, 12, [0, 1, 2], 0)]


def test_extension_follows_what_is_there() -> None:
    batch = Batch(8, n_seq_max=2)
    batch.add(1, 0, (0, 1), True)
    assert batch.extend(np.array([5, 6, 7], dtype=np.int32), 10, 1, True) == 1
    assert rows(batch)[1:] == [(5, 10, [1], 0), (6, 11, [1], 0), (7, 12, [1], 1)]


def test_extension_without_output() -> None:
    batch = Batch(2)
    batch.extend([5, 6], 0, 0, False)
    assert [row[3] for row in rows(batch)] == [0, 0]


def test_extension_by_nothing_adds_nothing() -> None:
    batch = Batch(2)
    batch.add(1, 0, (0,), True)
    assert batch.extend([], 1, 0, True) == 1
    assert batch.n_tokens == 1


def test_clear_forgets_rows_and_outputs() -> None:
    batch = Batch(2, n_seq_max=2)
    batch.extend([5, 6], 0, 0, True)
    batch.clear()
    assert (batch.n_tokens, batch.n_outputs, batch.as_c.n_tokens) == (0, 0, 0)
    batch.add(9, 3, (1,), False)
    assert rows(batch) == [(9, 3, [1], 0)]


def test_outputs_are_counted() -> None:
    batch = Batch(8)
    batch.extend([1, 2, 3], 0, 0, True)
    batch.add(4, 3, (0,), True)
    batch.set_output(0, True)
    batch.set_output(3, False)
    batch.set_output(3, False)
    assert batch.n_outputs == 2
    assert [row[3] for row in rows(batch)] == [1, 0, 1, 0]


def test_tokens_are_listed() -> None:
    batch = Batch(8)
    batch.extend([1, 2, 3], 0, 0, True)
    assert batch.tokens() == [1, 2, 3]


def test_full_batch_refuses_a_row_and_keeps_what_it_has() -> None:
    batch = Batch(2)
    batch.extend([1, 2], 0, 0, True)
    with pytest.raises(BatchError, match="1 rows do not fit: 2 of 2 are taken"):
        batch.add(3, 2, (0,), True)
    with pytest.raises(BatchError, match="1 rows do not fit"):
        batch.extend([3], 2, 0, True)
    assert batch.n_tokens == 2


@pytest.mark.parametrize(
    ("seq_ids", "reason"), [((), "at least one sequence"), ((0, 1), "in 1 sequences, not in 2")]
)
def test_wrong_number_of_sequences_is_refused(seq_ids: tuple[int, ...], reason: str) -> None:
    with pytest.raises(BatchError, match=reason):
        Batch(2).add(1, 0, seq_ids, True)


def test_output_of_a_missing_row_is_refused() -> None:
    with pytest.raises(BatchError, match="no row 0"):
        Batch(2).set_output(0, True)


def test_batch_without_room_is_refused() -> None:
    with pytest.raises(BatchError, match="at least one row"):
        Batch(0)


def test_embeddings_are_what_c_sees() -> None:
    batch = Batch(4, n_embd=3)
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert batch.extend_embeddings(values, 5, 0, True) == 0
    c = batch.as_c
    assert not c.token
    assert [c.embd[i] for i in range(6)] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert [c.pos[i] for i in range(2)] == [5, 6]


def test_tokens_and_embeddings_do_not_mix() -> None:
    with pytest.raises(BatchError, match="carries embeddings"):
        Batch(2, n_embd=3).add(1, 0, (0,), True)
    with pytest.raises(BatchError, match="carries embeddings"):
        Batch(2, n_embd=3).extend([1], 0, 0, True)
    with pytest.raises(BatchError, match="do not fit a batch of width 0"):
        Batch(2).extend_embeddings(np.zeros((1, 3), dtype=np.float32), 0, 0, True)
