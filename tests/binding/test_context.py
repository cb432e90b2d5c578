"""Decoding, results and settings of contexts."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from llama_ctypes.batch import Batch
from llama_ctypes.context import Context
from llama_ctypes.errors import Aborted
from llama_ctypes.errors import AdapterError
from llama_ctypes.errors import BadBatch
from llama_ctypes.errors import ContextError
from llama_ctypes.errors import InUse
from llama_ctypes.errors import KvFull
from llama_ctypes.errors import UseAfterFree
from llama_ctypes.model import Model
from llama_ctypes.raw.enums import llama_pooling_type
from llama_ctypes.raw.ggml import ggml_type
from llama_ctypes.threadpool import Threadpool
from tests.binding.conftest import make_context

PROMPT = [1, 260, 261, 262, 263]


def prompt_batch(n: int = len(PROMPT)) -> Batch:
    batch = Batch(512, n_seq_max=4)
    batch.extend((PROMPT * 200)[:n], 0, 0, True)
    return batch


def test_sizes_are_those_asked_for(context: Context) -> None:
    assert (context.n_ctx, context.n_ctx_seq, context.n_seq_max) == (256, 256, 4)
    assert (context.n_batch, context.n_ubatch) == (64, 32)
    assert context.pooling_type == llama_pooling_type.LLAMA_POOLING_TYPE_NONE


def test_logits_are_one_finite_row(context: Context) -> None:
    context.decode(prompt_batch())
    logits = context.logits(4)
    assert logits.shape == (context.n_vocab,)
    assert np.isfinite(logits).all()
    np.testing.assert_array_equal(logits, context.logits(-1))


def test_all_logits_are_the_output_rows_in_order(context: Context) -> None:
    batch = prompt_batch()
    batch.set_output(1, True)
    context.decode(batch)
    rows = context.logits_all()
    np.testing.assert_array_equal(rows, [context.logits(1), context.logits(4)])


def test_logits_do_not_depend_on_how_a_prompt_is_split(model: Model, context: Context) -> None:
    context.decode(prompt_batch())
    whole = context.logits(-1).copy()
    with make_context(model) as other:
        for pos, token in enumerate(PROMPT):
            batch = Batch(1)
            batch.add(token, pos, (0,), True)
            other.decode(batch)
        np.testing.assert_allclose(other.logits(0), whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("row", [0, 5, -2])
def test_row_without_logits_raises(context: Context, row: int) -> None:
    context.decode(prompt_batch())
    with pytest.raises(ContextError, match="has no logits; add it with output=True"):
        context.logits(row)


def test_nothing_decoded_has_no_logits(context: Context) -> None:
    with pytest.raises(ContextError, match="no logits"):
        context.logits_all()


def test_full_cache_is_kv_full_and_keeps_what_was_there(context: Context) -> None:
    batch = Batch(64)
    for start in range(0, 256, 64):
        batch.clear()
        batch.extend([260] * 64, start, 0, True)
        context.decode(batch)
    batch.clear()
    batch.add(260, 256, (0,), True)
    with pytest.raises(KvFull) as caught:
        context.decode(batch)
    assert caught.value.rc == 1
    assert context.memory.seq_pos_max(0) == 255


def test_batch_over_n_batch_is_bad(context: Context) -> None:
    with pytest.raises(BadBatch, match="65 rows are over the limit of 64"):
        context.decode(prompt_batch(65))


def test_empty_batch_is_bad(context: Context) -> None:
    with pytest.raises(BadBatch, match="n_tokens == 0"):
        context.decode(Batch(1))


@pytest.mark.parametrize(
    ("token", "pos", "seq_id", "reason"),
    [
        (100_000, 0, 0, "invalid token"),
        (-1, 0, 0, "libllama refused the batch"),
        (260, 7, 0, "inconsistent sequence positions"),
        (260, 0, 300, "invalid seq_id"),
    ],
)
def test_bad_row_is_named(context: Context, token: int, pos: int, seq_id: int, reason: str) -> None:
    context.decode(prompt_batch())
    batch = Batch(1)
    batch.add(token, pos, (seq_id,), True)
    with pytest.raises(BadBatch, match=reason) as caught:
        context.decode(batch)
    assert caught.value.rc == -1


def test_embeddings_of_another_width_are_bad(context: Context) -> None:
    batch = Batch(1, n_embd=10)
    batch.extend_embeddings(np.zeros((1, 10), dtype=np.float32), 0, 0, True)
    with pytest.raises(BadBatch, match="takes embeddings of width 64, not 10"):
        context.decode(batch)


def test_embeddings_decode_like_tokens(model: Model, context: Context) -> None:
    batch = Batch(2, n_embd=model.n_embd_inp)
    batch.extend_embeddings(np.ones((2, model.n_embd_inp), dtype=np.float32), 0, 0, True)
    context.decode(batch)
    assert np.isfinite(context.logits(-1)).all()


def test_non_causal_batch_is_limited_by_n_ubatch(context: Context) -> None:
    context.set_causal_attn(False)
    with pytest.raises(BadBatch, match="over the limit of 32"):
        context.decode(prompt_batch(33))
    context.set_causal_attn(True)
    context.decode(prompt_batch(33))


def test_encode_is_limited_by_n_ubatch(context: Context) -> None:
    with pytest.raises(BadBatch, match="over the limit of 32"):
        context.encode(prompt_batch(33))


def test_embeddings_come_when_asked_for(model: Model, context: Context) -> None:
    context.set_embeddings(True)
    batch = prompt_batch()
    for row in range(len(PROMPT)):
        batch.set_output(row, True)
    context.decode(batch)
    assert context.embeddings(-1).shape == (model.n_embd_out,)
    with pytest.raises(ContextError, match="no pooled embedding"):
        context.embeddings_seq(0)


def test_embeddings_not_asked_for_raise(context: Context) -> None:
    context.decode(prompt_batch())
    with pytest.raises(ContextError, match=r"set_embeddings\(True\)"):
        context.embeddings(0)


def test_pooled_embedding_of_a_sequence(model: Model) -> None:
    params = Context.default_params()
    params.n_ctx, params.embeddings = 64, True
    params.pooling_type = llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    with Context(model, params) as context:
        batch = prompt_batch()
        for row in range(len(PROMPT)):
            batch.set_output(row, True)
        context.decode(batch)
        pooled = context.embeddings_seq(0)
        assert pooled.shape == (model.n_embd_out,)
        assert np.abs(pooled).max() > 0


def test_abort_callback_stops_a_decode(context: Context) -> None:
    context.set_abort_callback(lambda: True)
    with pytest.raises(Aborted) as caught:
        context.decode(prompt_batch())
    assert caught.value.rc == 2
    context.set_abort_callback(None)
    context.memory.clear()
    context.decode(prompt_batch())


def test_exception_in_abort_callback_comes_out_of_decode(context: Context) -> None:
    def fail() -> bool:
        raise ZeroDivisionError

    context.set_abort_callback(fail)
    with pytest.raises(ZeroDivisionError):
        context.decode(prompt_batch())


def test_abort_callback_is_kept_alive(context: Context) -> None:
    asked = itertools.count()
    context.set_abort_callback(lambda: next(asked) < 0)
    gc.collect()
    context.decode(prompt_batch())
    assert next(asked) > 0


def test_threads_can_be_set(context: Context) -> None:
    context.set_n_threads(2, 1)
    assert context.n_threads == (2, 1)


def test_refusal_quotes_libllama(model: Model) -> None:
    params = Context.default_params()
    params.n_seq_max = 100_000
    with pytest.raises(ContextError, match="n_seq_max must be <= 256"):
        Context(model, params)


def test_fewer_outputs_than_sequences_are_refused(model: Model) -> None:
    params = Context.default_params()
    params.n_seq_max, params.n_outputs_max = 4, 2
    with pytest.raises(ContextError, match="n_outputs_max 2 is below n_seq_max 4"):
        Context(model, params)


def test_more_outputs_than_n_outputs_max_are_refused(model: Model) -> None:
    params = Context.default_params()
    params.n_ctx, params.n_outputs_max = 64, 1
    with Context(model, params) as context:
        batch = prompt_batch()
        context.decode(batch)
        batch.set_output(0, True)
        with pytest.raises(BadBatch, match="more outputs than n_outputs_max, 1"):
            context.decode(batch)


def test_cache_type_that_does_not_fit_is_refused(model: Model) -> None:
    params = Context.default_params()
    params.type_k = ggml_type.GGML_TYPE_Q4_0  # blocks of 32, heads of 16
    with pytest.raises(ContextError, match="does not divide n_embd_head_k"):
        Context(model, params)


def test_control_vector_changes_logits_and_goes_away(model: Model, context: Context) -> None:
    def logits() -> list[float]:
        context.memory.clear()
        context.decode(prompt_batch())
        values: list[float] = context.logits(-1).tolist()
        return values

    before = logits()
    context.apply_control_vector(np.ones((model.n_layer, model.n_embd), dtype=np.float32))
    assert logits() != before
    context.apply_control_vector(None)
    assert logits() == before


def test_control_vector_of_another_width_is_refused(context: Context) -> None:
    with pytest.raises(AdapterError, match="n_embd 64"):
        context.apply_control_vector(np.ones((2, 10), dtype=np.float32))
    with pytest.raises(AdapterError, match="float32 array"):
        context.apply_control_vector(np.ones(64, dtype=np.float32))


def test_attached_thread_pool_computes_and_cannot_be_freed(context: Context) -> None:
    pool = Threadpool(Threadpool.default_params(2))
    context.set_n_threads(2, 2)
    context.attach_threadpool(pool)
    context.decode(prompt_batch())
    with pytest.raises(InUse, match="used by 1 context"):
        pool.free()
    context.detach_threadpool()
    pool.free()


def test_perf_counts_tokens(model: Model) -> None:
    params = Context.default_params()
    params.n_ctx, params.no_perf = 64, False
    with Context(model, params) as context:
        context.decode(prompt_batch())
        context.synchronize()
        assert context.perf().n_p_eval == len(PROMPT)
        context.reset_perf()
        assert context.perf().n_p_eval < len(PROMPT)


def test_logits_outlive_the_name_of_their_context(model: Model) -> None:
    context = make_context(model)
    context.decode(prompt_batch())
    logits = context.logits(-1)
    expected = logits.copy()
    del context
    np.testing.assert_array_equal(logits, expected)


def test_context_keeps_its_model_alive(tiny_model_path: Path) -> None:
    context = make_context(Model.load(tiny_model_path))
    context.decode(prompt_batch())
    assert context.logits(-1).any()


def test_freeing_twice_raises(context: Context) -> None:
    context.free()
    with pytest.raises(UseAfterFree):
        context.free()


USES: dict[str, Callable[[Context], object]] = {
    "decode": lambda c: c.decode(prompt_batch()),
    "encode": lambda c: c.encode(prompt_batch()),
    "synchronize": lambda c: c.synchronize(),
    "logits": lambda c: c.logits(0),
    "logits_all": lambda c: c.logits_all(),
    "embeddings": lambda c: c.embeddings(0),
    "embeddings_seq": lambda c: c.embeddings_seq(0),
    "memory": lambda c: c.memory,
    "pooling_type": lambda c: c.pooling_type,
    "set_n_threads": lambda c: c.set_n_threads(1, 1),
    "set_embeddings": lambda c: c.set_embeddings(True),
    "set_causal_attn": lambda c: c.set_causal_attn(True),
    "set_abort_callback": lambda c: c.set_abort_callback(None),
    "set_adapters": lambda c: c.set_adapters([]),
    "apply_control_vector": lambda c: c.apply_control_vector(None),
    "detach_threadpool": lambda c: c.detach_threadpool(),
    "state_get": lambda c: c.state_get(),
    "state_set": lambda c: c.state_set(b"1234"),
    "seq_state_get": lambda c: c.seq_state_get(0),
    "seq_state_set": lambda c: c.seq_state_set(b"1234", 0),
    "perf": lambda c: c.perf(),
}


@pytest.mark.parametrize("use", USES)
def test_use_after_free_raises(context: Context, use: str) -> None:
    context.free()
    with pytest.raises(UseAfterFree, match="context is already freed"):
        USES[use](context)
