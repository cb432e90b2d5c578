"""LlamaEmbedder: vectors of texts, from the same context that generates. Engine thread only.

A batch is one ubatch, since libllama pools within that. Answers to the Embedder protocol of
`server/engine/runner.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np

from llama_ctypes import errors
from llama_ctypes import runtime
from llama_ctypes.batch import Batch
from llama_ctypes.context import Context
from llama_ctypes.memory import Memory
from llama_ctypes.model import Model
from llama_ctypes.raw.enums import llama_pooling_type
from server.engine.errors import DecodeFailed
from server.engine.errors import KvFull
from server.engine.errors import LoadFailed
from server.engine.llama.no_memory import NoMemory
from server.engine.modelinfo import Pooling
from server.engine.modelinfo import Tokenizer
from server.engine.runner import Part
from server.engine.task import Vectors

POOLINGS = {
    llama_pooling_type.LLAMA_POOLING_TYPE_NONE: Pooling.NONE,
    llama_pooling_type.LLAMA_POOLING_TYPE_MEAN: Pooling.MEAN,
    llama_pooling_type.LLAMA_POOLING_TYPE_CLS: Pooling.CLS,
    llama_pooling_type.LLAMA_POOLING_TYPE_LAST: Pooling.LAST,
    llama_pooling_type.LLAMA_POOLING_TYPE_RANK: Pooling.RANK,
}

RERANK_TEMPLATE = "rerank"
"""The name of the template in the file that makes a prompt of a query and a document."""


class LlamaEmbedder:
    """See Embedder."""

    def __init__(
        self,
        context: Context,
        memory: Memory | NoMemory,
        first_seq: int,
        n_rows: int,
        n_packed: int,
        *,
        is_exact: bool,
    ) -> None:
        """first_seq: the first sequence id that generation does not use.

        is_exact: to ggml's last bit, which takes longer; models that can make text always are.
        """
        if first_seq >= context.n_seq_max:
            raise LoadFailed(f"--parallel: with --embedding at most {context.n_seq_max - 1}")
        self._context = context
        self._memory = memory
        self._first_seq = first_seq
        self._is_exact = is_exact
        self.pooling = POOLINGS[context.pooling_type]
        self.holds_cells = isinstance(memory, Memory)
        self.n_texts = context.n_seq_max - first_seq
        self.n_rows = min(n_rows, context.n_ubatch)
        self.n_rows_packed = min(n_packed, self.n_rows)
        self._batch = Batch(self.n_rows, 1)
        self._use(on=False)

    def embed(self, parts: Sequence[Part]) -> list[Vectors]:
        """See Embedder. Releases the GIL."""
        batch, context = self._batch, self._context
        batch.clear()
        for part in parts:
            batch.extend(part.tokens, part.start, self._first_seq + part.i_text, False)
        batch.set_all_outputs()
        self._use(on=True)
        try:
            with nullcontext() if self._is_exact or self.holds_cells else runtime.fixed_point():
                context.decode(batch)
                context.synchronize()
            return self._vectors(parts)
        except errors.KvFull as error:
            raise KvFull(str(error)) from error
        except errors.DecodeError as error:
            raise DecodeFailed(str(error)) from error
        finally:
            self._use(on=False)

    def forget(self, i_text: int) -> None:
        """See Embedder."""
        self._memory.seq_rm(self._first_seq + i_text)

    def _vectors(self, parts: Sequence[Part]) -> list[Vectors]:
        """Copies: the views last until the next batch."""
        context = self._context
        if self.pooling is not Pooling.NONE:
            views = (context.embeddings_seq(self._first_seq + part.i_text) for part in parts)
            return [np.array(view, np.float32)[np.newaxis] for view in views]
        found, row = [], 0
        for part in parts:
            rows = range(row, row + len(part.tokens))
            found.append(np.array([context.embeddings(i) for i in rows], np.float32))
            row += len(part.tokens)
        return found

    def _use(self, *, on: bool) -> None:
        """An encoder always leaves embeddings; with a memory, batches that generate must not."""
        if self.holds_cells:
            self._context.set_embeddings(on)


def check_reranking(tokenizer: Tokenizer, template: str | None) -> None:
    """LoadFailed where no prompt can be made of a query and a document."""
    if tokenizer.bos is None:
        raise LoadFailed("--reranking: the model's vocabulary has no BOS token")
    if tokenizer.eos is None and tokenizer.sep is None and template is None:
        raise LoadFailed("--reranking: the model has no EOS token, SEP token or rerank template")


def sees_all(model: Model) -> bool:
    """Whether each token of a model looks at later ones too: a text must fit into one ubatch."""
    arch = model.meta_value("general.architecture")
    return model.meta_value(f"{arch}.attention.causal") == "false"
