"""LlamaRunner: a model in one context with one unified KV buffer. Engine thread only.

Errors of llama_ctypes become the engine's own. Answers to the ModelRunner protocol of
`server/engine/runner.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

from llama_ctypes import errors
from llama_ctypes import library
from llama_ctypes.batch import Batch
from llama_ctypes.context import Context
from llama_ctypes.model import Model
from llama_ctypes.raw.enums import LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY
from server.engine.errors import DecodeFailed
from server.engine.errors import KvFull
from server.engine.errors import LoadFailed
from server.engine.guided import guided
from server.engine.host_cache import State
from server.engine.llama import adapters
from server.engine.llama import params
from server.engine.llama import remote
from server.engine.llama import threads
from server.engine.llama.adapters import LoraAdapters
from server.engine.llama.config import RunnerConfig
from server.engine.llama.embedder import RERANK_TEMPLATE
from server.engine.llama.embedder import LlamaEmbedder
from server.engine.llama.embedder import check_reranking
from server.engine.llama.embedder import sees_all
from server.engine.llama.fit import fit_to_memory
from server.engine.llama.greedy import GreedySampler
from server.engine.llama.no_memory import NoMemory
from server.engine.llama.placement import offload_devices
from server.engine.llama.sampler import LlamaSampler
from server.engine.llama.tokenizer import LlamaTokenizer
from server.engine.modelinfo import ModelInfo
from server.engine.modelinfo import Pooling
from server.engine.runner import Sampler
from server.engine.sampling import is_greedy
from server.engine.slot_files import weights_digest
from server.engine.task import Adapters
from server.engine.task import SamplingParams
from server.engine.task import Tokens

N_PACKED_ON_CPU = 192
"""Tokens of several texts in a batch: of more, what a layer leaves outgrows the caches."""
PARAMS_PER_IDLE_CELL = 500


class LlamaRunner:
    """See ModelRunner."""

    def __init__(self, model: Model, loras: LoraAdapters, config: RunnerConfig) -> None:
        self._model = model
        self._loras = loras
        steering = adapters.control_vector(model, config)
        self._vocab = model.vocab
        self.tokenizer = LlamaTokenizer(self._vocab)
        self._pieces = self.tokenizer.pieces if config.special else self.tokenizer.plain_pieces
        n_slots = config.n_slots
        has_states = model.is_recurrent or model.is_hybrid
        self.can_cut = not (has_states or model.n_swa > 0)
        self.window = 0 if has_states else model.n_swa
        wanted = params.context_params(
            config,
            model.n_ctx_train,
            can_cut=self.can_cut,
            sees_all=sees_all(model),
            has_states=has_states,
        )
        self._has_window = model.n_swa > 0
        if self._has_window:
            # libllama drops cells of a window that the first of several ubatches still needs
            wanted.n_batch = wanted.n_ubatch = min(wanted.n_batch, wanted.n_ubatch)
        # without a unified buffer, and with states, it makes several ubatches of several prompts
        self.mixes_prompts = not self._has_window or (config.kv_unified and not has_states)
        self._context = Context(model, wanted)
        if steering is not None:
            self._context.apply_control_vector(*steering)
        self.n_seq = params.n_seq(config, can_retain=self.can_cut and config.kv_unified)
        self._pools = threads.attach_pools(self._context, config)
        self._shows_perf = config.perf
        self._memory = self._context.memory if self._context.has_memory else NoMemory()
        self._batch = Batch(max(self._context.n_batch, n_slots), 1)
        self.can_share = config.kv_unified
        self.can_shift = self._memory.can_shift
        self.embedder = self._new_embedder(config)
        self.info = self._describe(config)
        self.n_cells = self.info.n_ctx
        if model.is_recurrent:  # a state has one size, however many tokens led to it
            self.n_cells = self.info.n_ctx_slot * self.n_seq
        if config.warmup:
            self._warm_up()

    @classmethod
    def load(cls, config: RunnerConfig, on_progress: Callable[[float], bool]) -> LlamaRunner:
        """Load the model and make its context. LoadFailed with one line that says why."""
        try:
            threads.prepare(config)
            remote.await_all(config.placement, on_progress)
            config = fit_to_memory(config)
            adapters.check_files(config)
            with ExitStack() as on_failure:
                model = Model.load(config.path, params.model_params(config), on_progress)
                on_failure.callback(model.close)
                loras = adapters.LoraAdapters(model, config)
                on_failure.callback(loras.close)
                runner = cls(model, loras, config)
                on_failure.pop_all()
                return runner
        except errors.LlamaError as error:
            raise LoadFailed(str(error)) from error

    def _describe(self, config: RunnerConfig) -> ModelInfo:
        model, context, tokenizer = self._model, self._context, self.tokenizer
        info = ModelInfo(
            path=config.path,
            weights_digest=weights_digest(config.path),
            desc=model.desc,
            ftype=model.ftype_name,
            n_params=model.n_params,
            size_bytes=model.size_bytes,
            n_vocab=tokenizer.n_vocab,
            vocab_type=int(self._vocab.type),
            n_ctx=context.n_ctx,
            n_ctx_slot=params.n_ctx_slot(config, model.n_ctx_train),
            n_ctx_train=model.n_ctx_train,
            n_embd=model.n_embd,
            n_batch=context.n_batch,
            n_ubatch=context.n_ubatch,
            n_slots=config.n_slots,
            bos_token=self._token_text(tokenizer.bos),
            eos_token=self._token_text(tokenizer.eos),
            chat_template=model.chat_template(),
            chat_template_tool_use=model.chat_template("tool_use"),
            has_encoder=model.has_encoder,
            has_decoder=model.has_decoder,
            metadata=model.meta(),
            adapters=self._loras.infos,
            can_cut=self.can_cut,
            can_generate=context.has_memory,
            n_streams=1 if config.kv_unified else context.n_seq_max,
            n_file_streams=config.n_slots if config.splits_context else 1,
            build_info=f"b0-{library.load().commit or 'unknown'}",
        )
        info = replace(info, n_ctx_slot=min(info.n_ctx_slot, info.n_ctx))
        return info if self.embedder is None else self._describe_texts(info, self.embedder)

    def _describe_texts(self, info: ModelInfo, embedder: LlamaEmbedder) -> ModelInfo:
        splits = embedder.holds_cells and not sees_all(self._model)
        n_most = min(embedder.n_rows, info.n_ctx, info.n_ctx_train)
        return replace(
            info,
            pooling=embedder.pooling,
            n_embd_out=self._model.n_embd_out,
            splits_texts=splits,
            n_text_max=info.n_ctx_slot - 1 if splits else n_most,
            rerank_template=self._model.chat_template(RERANK_TEMPLATE),
        )

    def _new_embedder(self, config: RunnerConfig) -> LlamaEmbedder | None:
        if not config.embedding:
            return None
        model = self._model
        n_rows = params.n_text_rows(config, model.n_ctx_train, sees_all=sees_all(model))
        n_packed = config.n_ubatch if offload_devices() else min(config.n_ubatch, N_PACKED_ON_CPU)
        embedder = LlamaEmbedder(
            self._context,
            self._memory,
            self.n_seq,
            n_rows,
            n_packed,
            is_exact=config.exact_embeddings,
        )
        if embedder.pooling is Pooling.RANK:
            check_reranking(self.tokenizer, self._model.chat_template(RERANK_TEMPLATE))
        return embedder

    def _token_text(self, token: int | None) -> str:
        return "" if token is None else self.tokenizer.piece(token).decode("utf-8", "replace")

    def _warm_up(self) -> None:
        """One empty run, so that the first request does not pay for page faults."""
        tokens = [t for t in (self.tokenizer.bos, self.tokenizer.eos) if t is not None] or [0]
        self.clear_batch()
        for pos, token in enumerate(tokens):
            self.add_row(token, pos, 0)
        self.decode()
        self._memory.clear(data=False)  # the first request finds the pages that it will use

    def piece(self, token: int) -> bytes:
        """See ModelRunner."""
        return self._pieces[token]

    def is_eog(self, token: int) -> bool:
        """See ModelRunner."""
        return token in self.tokenizer.eog_tokens

    def new_sampler(self, params: SamplingParams) -> Sampler:
        """See ModelRunner."""
        make = GreedySampler if is_greedy(params) and not params.backend_sampling else LlamaSampler
        return guided(make(self._context, self._vocab, params, self.piece), params, self.tokenizer)

    # one batch

    def clear_batch(self) -> None:
        """See ModelRunner."""
        self._batch.clear()

    def add_row(self, token: int, pos: int, seq_id: int) -> int:
        """See ModelRunner."""
        return self._batch.add(token, pos, (seq_id,), True)

    def add_chunk(self, tokens: Tokens, pos: int, seq_id: int, *, wants_logits: bool) -> int:
        """See ModelRunner."""
        return self._batch.extend(tokens, pos, seq_id, wants_logits) + len(tokens) - 1

    def decode(self) -> None:
        """See ModelRunner. Releases the GIL."""
        try:
            self._context.decode(self._batch)
            # on a GPU the work is still under way: wait for it here, without the GIL
            self._context.synchronize()
        except errors.KvFull as error:
            raise KvFull(str(error)) from error
        except errors.DecodeError as error:
            raise DecodeFailed(str(error)) from error

    # memory

    def cut(self, seq_id: int, n_tokens: int) -> bool:
        """See ModelRunner."""
        # a window that has moved on can be cut as well, but what is left of it is too little
        if n_tokens and not self.can_cut and n_tokens < self.cut_floor(seq_id):
            self._memory.seq_rm(seq_id, -1, -1)
            return False
        if self._memory.seq_rm(seq_id, n_tokens, -1):
            return True
        self._memory.seq_rm(seq_id, -1, -1)
        return False

    def cut_floor(self, seq_id: int) -> int:
        """See ModelRunner. With a window, the next token must find all that it looks at."""
        if not self.window:
            return 0 if self.can_cut else self._memory.seq_pos_max(seq_id) + 1
        first = self._memory.seq_pos_min(seq_id)
        return first + self.window - 1 if first > 0 else 0

    def checkpoint(self, seq_id: int) -> State | None:
        """See ModelRunner. Releases the GIL."""
        try:
            return self._context.seq_state_get(seq_id, LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY)
        except (errors.StateError, MemoryError):
            return None

    def rewind(self, seq_id: int, n_tokens: int, state: State) -> bool:
        """See ModelRunner. Releases the GIL."""
        try:
            self._context.seq_state_set(state, seq_id, LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY)
        except errors.StateError:
            self._memory.seq_rm(seq_id)
            return False
        return self.cut(seq_id, n_tokens)

    def wipe(self) -> None:
        """See ModelRunner."""
        self._memory.clear()

    def copy(self, source: int, target: int, n_tokens: int, *, is_whole: bool) -> bool:
        """See ModelRunner."""
        if not is_whole:
            self._memory.seq_cp(source, target, 0, n_tokens)
            return True
        self._memory.seq_cp(source, target, -1, -1)
        if not self._has_window:
            return True
        # cells of a window that two sequences hold stay taken when both have moved on
        state = self.checkpoint(source)
        return state is not None and self.rewind(target, n_tokens, state)

    def shift(self, seq_id: int, start: int, end: int, n_tokens: int) -> None:
        """See ModelRunner."""
        self._memory.seq_rm(seq_id, start, end)
        self._memory.seq_add(seq_id, end, n_tokens, start - end)

    def move(self, seq_id: int, source: int, target: int, n: int) -> None:
        """See ModelRunner."""
        self._memory.seq_rm(seq_id, target, source)
        self._memory.seq_add(seq_id, source, source + n, target - source)

    def use_adapters(self, adapters: Adapters) -> None:
        """See ModelRunner."""
        self._loras.use(adapters, self._context)

    def state_bytes(self, seq_id: int) -> int:
        """See ModelRunner. Releases the GIL."""
        return self._context.seq_state_size(seq_id)

    def save(self, seq_id: int) -> State | None:
        """See ModelRunner. Releases the GIL."""
        try:
            return self._context.seq_state_get(seq_id)
        except (errors.StateError, MemoryError):
            return None

    def restore(self, seq_id: int, state: State) -> bool:
        """See ModelRunner. Releases the GIL."""
        try:
            self._context.seq_state_set(state, seq_id)
        except errors.StateError:
            self._memory.seq_rm(seq_id)  # of several parts, one may have been restored
            return False
        return True

    @property
    def n_idle_cells(self) -> int:
        """See ModelRunner. Found by measuring: a masked cell costs a head 0.1 to 0.2 ns.

        A row's time grows with the parameters, a cell's with layers times heads; the factor makes
        it 1 % of a step (docs/decisions/0005-masked-cells.md).
        """
        model = self._model
        n_scans = max(1, model.n_layer * model.n_head)
        return model.n_params // n_scans // PARAMS_PER_IDLE_CELL

    def close(self) -> None:
        """See ModelRunner."""
        if self._shows_perf and not self._context.closed:
            self._context.log_perf()
        self._context.close()
        for pool in self._pools:
            pool.close()
        self._loras.close()
        self._model.close()
