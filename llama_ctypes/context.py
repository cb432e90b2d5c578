"""A model at work: decode, results, settings. llama.h: Context, Decoding

One thread at a time may use a context. Views of results point into C memory: valid until the next
decode or close(). Inputs for which C would abort the process raise here. Knows no sampler and no
request.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from collections.abc import Sequence

from llama_ctypes import log
from llama_ctypes.adapter import AdapterLora
from llama_ctypes.batch import Batch
from llama_ctypes.buffers import Floats
from llama_ctypes.buffers import pointer_array
from llama_ctypes.buffers import view_floats
from llama_ctypes.ctype import NULL
from llama_ctypes.ctype import Ptr
from llama_ctypes.errors import AdapterError
from llama_ctypes.errors import BadBatch
from llama_ctypes.errors import ContextError
from llama_ctypes.errors import decode_error
from llama_ctypes.memory import Memory
from llama_ctypes.model import Model
from llama_ctypes.raw import adapter as raw_adapter
from llama_ctypes.raw import batch as raw_batch
from llama_ctypes.raw import context as raw
from llama_ctypes.raw import model as raw_model
from llama_ctypes.raw import perf as raw_perf
from llama_ctypes.raw import system
from llama_ctypes.raw.enums import llama_pooling_type
from llama_ctypes.raw.ggml import ggml_abort_callback
from llama_ctypes.raw.params import llama_context_params
from llama_ctypes.raw.perf import llama_perf_context_data
from llama_ctypes.raw.types import llama_adapter_lora
from llama_ctypes.raw.types import llama_context
from llama_ctypes.state import Stateful
from llama_ctypes.threadpool import Threadpool

_FLOAT_P = ctypes.POINTER(ctypes.c_float)


class Context(Stateful):
    """Owner of a llama_context; its model, adapters and thread pools stay alive with it."""

    def __init__(
        self,
        model: Model,
        params: llama_context_params | None = None,
        *,
        other: Context | None = None,
    ) -> None:
        """Make a context. `other` becomes params.ctx_other. ContextError with libllama's reason."""
        params = params or self.default_params()
        self._check_params(model, params)
        if other is not None:
            params.ctx_other = other.ptr
        point = log.mark()
        pointer = raw.llama_init_from_model(model.ptr, params)
        if not pointer:
            raise ContextError(log.explain("no context could be made", point))
        super().__init__(pointer, model, *([other] if other else []))
        self.model = model
        self._params = params  # callbacks and arrays in it are used for as long as the context is
        self._abort = _Abort(None)
        self._adapters: list[AdapterLora] = []
        self._pools: list[Threadpool] = []
        self.n_ctx = raw.llama_n_ctx(pointer)
        self.n_ctx_seq = raw.llama_n_ctx_seq(pointer)
        self.n_batch = raw.llama_n_batch(pointer)
        self.n_ubatch = raw.llama_n_ubatch(pointer)
        self.n_seq_max = raw.llama_n_seq_max(pointer)
        self.n_vocab = model.vocab.n_tokens
        self.kv_unified: bool = params.kv_unified
        self.has_memory = bool(raw.llama_get_memory(pointer))
        # A unified buffer takes any sequence id; states of recurrent models are allocated per id.
        free_ids = self.kv_unified and not (model.is_recurrent or model.is_hybrid)
        self.n_seq = system.llama_max_parallel_sequences() if free_ids else self.n_seq_max
        self.n_outputs = 0
        few = params.n_outputs_max and not model.has_encoder
        self._n_outputs_max: int = params.n_outputs_max if few else self.n_batch
        self._embeddings: bool = params.embeddings
        self._set_limit()

    @staticmethod
    def default_params() -> llama_context_params:
        """The defaults, to be changed and passed on."""
        return raw_model.llama_context_default_params()

    @property
    def memory(self) -> Memory:
        """What its sequences hold; keep the object, a new one is made each time."""
        pointer = raw.llama_get_memory(self.ptr)
        if not pointer:
            raise ContextError("this model has no memory: it sees one batch at a time")
        return Memory(self, pointer, self.n_seq, self.kv_unified)

    @property
    def pooling_type(self) -> llama_pooling_type:
        """How it pools embeddings."""
        return llama_pooling_type(raw.llama_pooling_type(self.ptr))

    # running

    def decode(self, batch: Batch) -> None:
        """Decode one logical batch, of up to n_batch rows; releases the GIL.

        KvFull (rc 1), Aborted (2), BadBatch (-1), DecodeFailed (< -1). llama.h: llama_decode
        """
        n_outputs = batch.n_tokens if self._embeddings else batch.n_outputs
        if (
            batch.n_tokens > self._n_rows_max
            or n_outputs > self._n_outputs_max
            or batch.n_embd not in self._widths
        ):
            raise self._misfit(batch, self._n_rows_max)
        point = log.mark()
        rc = raw_batch.llama_decode(self.ptr, batch.as_c)
        self.n_outputs = n_outputs
        if rc:
            raise self._failure(rc, point)

    def encode(self, batch: Batch) -> None:
        """Run the encoder over up to n_ubatch rows; releases the GIL. Errors as of decode()."""
        if batch.n_tokens > self.n_ubatch or batch.n_embd not in self._widths:
            raise self._misfit(batch, self.n_ubatch)
        point = log.mark()
        rc = raw_batch.llama_encode(self.ptr, batch.as_c)
        self.n_outputs = batch.n_tokens
        if rc:
            raise self._failure(rc, point)

    def synchronize(self) -> None:
        """Wait for the results, with the GIL released: on a GPU, before the first result call."""
        raw.llama_synchronize(self.ptr)

    # results

    def logits(self, i: int) -> Floats:
        """Logits of batch row `i`, (n_vocab,) f32; negative: of the outputs, from the last."""
        pointer = raw.llama_get_logits_ith(self.ptr, i)
        if not pointer:
            raise ContextError(f"row {i} of the last batch has no logits; add it with output=True")
        return view_floats(pointer, self.n_vocab, self)

    def logits_all(self) -> Floats:
        """Logits of all output rows of the last batch: (n_outputs, n_vocab) f32."""
        pointer = raw.llama_get_logits(self.ptr)
        if not pointer or not self.n_outputs:
            raise ContextError("the last batch has no logits; add a row with output=True")
        rows = view_floats(pointer, self.n_outputs * self.n_vocab, self)
        return rows.reshape(self.n_outputs, self.n_vocab)

    def embeddings(self, i: int) -> Floats:
        """Embedding of batch row `i`, (n_embd_out,) f32; negative: from the last output."""
        pointer = raw.llama_get_embeddings_ith(self.ptr, i)
        if not pointer:
            raise ContextError(f"row {i} has no embedding; set_embeddings(True) and pooling none")
        return view_floats(pointer, self.model.n_embd_out, self)

    def embeddings_seq(self, seq_id: int) -> Floats:
        """Pooled embedding of a sequence, (n_embd_out,) f32; with pooling RANK (n_cls_out,)."""
        pointer = raw.llama_get_embeddings_seq(self.ptr, seq_id)
        if not pointer:
            raise ContextError(f"sequence {seq_id} has no pooled embedding in the last batch")
        rank = self.pooling_type == llama_pooling_type.LLAMA_POOLING_TYPE_RANK
        n = raw_model.llama_model_n_cls_out(self.model.ptr) if rank else self.model.n_embd_out
        return view_floats(pointer, n, self)

    # settings

    def set_n_threads(self, n_threads: int, n_threads_batch: int) -> None:
        """Threads for one row, and for several."""
        raw.llama_set_n_threads(self.ptr, n_threads, n_threads_batch)

    @property
    def n_threads(self) -> tuple[int, int]:
        """Threads for one row, and for several."""
        return raw.llama_n_threads(self.ptr), raw.llama_n_threads_batch(self.ptr)

    def set_embeddings(self, on: bool) -> None:
        """Choose whether batches leave embeddings; then every row of a batch is an output."""
        raw.llama_set_embeddings(self.ptr, on)
        self._embeddings = on

    def set_causal_attn(self, on: bool) -> None:
        """Choose whether rows see only earlier ones; if not, a batch is at most n_ubatch rows."""
        raw.llama_set_causal_attn(self.ptr, on)
        self._set_limit()

    def set_abort_callback(self, should_abort: Callable[[], bool] | None) -> None:
        """Let `should_abort` stop a decode (CPU only): it is asked once a graph node, with the GIL.

        What it raises aborts too, and comes out of decode().
        """
        abort = _Abort(should_abort)
        raw.llama_set_abort_callback(self.ptr, abort.callback, None)
        self._abort = abort

    def set_adapters(self, adapters: Sequence[tuple[AdapterLora, float]]) -> None:
        """Use exactly these LoRA adapters, with their scales, from the next decode on."""
        for adapter, _ in adapters:
            if adapter.model is not self.model:
                raise AdapterError("the adapter was loaded for another model; load it for this one")
        pointers = pointer_array(llama_adapter_lora, [adapter.ptr for adapter, _ in adapters])
        scales = (ctypes.c_float * len(adapters))(*[scale for _, scale in adapters])
        raw_adapter.llama_set_adapters_lora(self.ptr, pointers, len(adapters), scales)
        for adapter in self._adapters:
            self._leave_parent(adapter)
        self._adapters = [adapter for adapter, _ in adapters]
        for adapter in self._adapters:
            self._add_parent(adapter)

    def apply_control_vector(
        self, data: Floats | None, il_start: int = 1, il_end: int = -1
    ) -> None:
        """Add a control vector to layers il_start to il_end (-1: the last); None removes it.

        data: (n, n_embd) f32, row 0 for layer 1. AdapterError when it does not fit the model.
        """
        if data is None:
            rc = raw_adapter.llama_set_adapter_cvec(self.ptr, NULL, 0, 0, 0, 0)
        else:
            if data.ndim != 2 or data.dtype != "float32" or not data.flags.c_contiguous:
                raise AdapterError("a control vector is a contiguous (n, n_embd) float32 array")
            last = il_end if il_end >= 0 else self.model.n_layer
            rows = data.ctypes.data_as(_FLOAT_P)
            rc = raw_adapter.llama_set_adapter_cvec(
                self.ptr, rows, data.size, data.shape[1], il_start, last
            )
        if rc:
            width = self.model.n_embd
            raise AdapterError(f"the control vector does not fit: the model has n_embd {width}")

    def attach_threadpool(self, pool: Threadpool, batch_pool: Threadpool | None = None) -> None:
        """Compute on these threads; `batch_pool` for several rows, else `pool` too."""
        batch_pool = batch_pool or pool
        raw.llama_attach_threadpool(self.ptr, pool.ptr, batch_pool.ptr)
        self._use_pools([pool, batch_pool])

    def detach_threadpool(self) -> None:
        """Go back to threads of its own."""
        raw.llama_detach_threadpool(self.ptr)
        self._use_pools([])

    def perf(self) -> llama_perf_context_data:
        """Times and counts, zero where params.no_perf is set."""
        return raw_perf.llama_perf_context(self.ptr)

    def log_perf(self) -> None:
        """Write times and counts into the log."""
        raw_perf.llama_perf_context_print(self.ptr)

    def reset_perf(self) -> None:
        """Start times and counts again."""
        raw_perf.llama_perf_context_reset(self.ptr)

    @staticmethod
    def _check_params(model: Model, params: llama_context_params) -> None:
        """Refuse what C would abort for."""
        if model.vocab_only:
            raise ContextError("the model was loaded with vocab_only; load it whole")
        if 0 < params.n_outputs_max < params.n_seq_max:
            raise ContextError(
                f"n_outputs_max {params.n_outputs_max} is below n_seq_max {params.n_seq_max}"
            )

    def _use_pools(self, pools: list[Threadpool]) -> None:
        for pool in self._pools:
            self._leave_parent(pool)
        self._pools = pools
        for pool in pools:
            self._add_parent(pool)

    def _set_limit(self) -> None:
        self._widths = (0, self.model.n_embd_inp)
        whole = self.has_memory and raw.llama_get_causal_attn(self.ptr)
        self._n_rows_max = self.n_batch if whole else min(self.n_batch, self.n_ubatch)

    def _misfit(self, batch: Batch, limit: int) -> BadBatch:
        if batch.n_tokens > limit:
            return BadBatch(
                f"{batch.n_tokens} rows are over the limit of {limit}; split the batch", -1
            )
        width = self.model.n_embd_inp
        if batch.n_embd in self._widths:
            most = self._n_outputs_max
            return BadBatch(f"the batch has more outputs than n_outputs_max, {most}", -1)
        return BadBatch(f"the model takes embeddings of width {width}, not {batch.n_embd}", -1)

    def _failure(self, rc: int, point: int) -> BaseException:
        if self._abort.error is not None:
            error, self._abort.error = self._abort.error, None
            return error
        errors = log.errors_since(point)
        return decode_error(rc, errors[0].rstrip(":") if errors else "")

    def _dispose(self, pointer: Ptr[llama_context]) -> None:
        raw.llama_free(pointer)


class _Abort:
    """A Python function as abort callback, and what it raised."""

    def __init__(self, should_abort: Callable[[], bool] | None) -> None:
        self.error: BaseException | None = None
        self._should_abort = should_abort
        self.callback = ggml_abort_callback(self._ask) if should_abort else ggml_abort_callback()

    def _ask(self, data: object) -> bool:
        # An exception cannot cross C: abort, and raise it after the decode.
        try:
            return self._should_abort is not None and self._should_abort()
        except BaseException as error:
            self.error = error
            return True
