"""What the engine needs of a model: the protocol that real and fake runners fulfil.

Rows are gathered into one batch, decoded, then sampled. All methods belong to the engine thread.
The real one is `llama/runner.py`; tests have a deterministic fake, so that scheduling, stop rules
and failures are tested without a model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple
from typing import Protocol

from server.engine.task import Tokens
from server.engine.task import Vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from server.engine.host_cache import State
    from server.engine.modelinfo import ModelInfo
    from server.engine.modelinfo import Tokenizer
    from server.engine.task import Adapters
    from server.engine.task import SamplingParams
    from server.engine.task import TokenProb


class Sampler(Protocol):
    """A request's sampler chain with its state."""

    def attach(self, seq_id: int) -> None:
        """Its tokens come from that sequence from now on: a device may sample them."""
        ...

    def sample(self, i_batch: int) -> int:
        """Choose and accept a token from the logits of an output row of the last batch."""
        ...

    def forced(self, n_max: int) -> list[int]:
        """Choose and accept tokens that are certain to follow, at most n_max, without logits."""
        ...

    def end_reasoning(self) -> bool:
        """Let the model stop thinking as soon as it can; whether it thinks."""
        ...

    def prob(self, token: int) -> TokenProb | None:
        """Probabilities behind the token just sampled; None where the request asked for none.

        Must be called before the next `sample` or `decode`.
        """
        ...

    def accept(self, tokens: Tokens) -> None:
        """Let the chain see prompt tokens, (n,) int32, which it did not choose."""
        ...

    def close(self) -> None:
        """Free the native chain. Idempotent."""
        ...


class Part(NamedTuple):
    """Tokens of one text, from position start on; i_text says which text of those under way."""

    i_text: int
    start: int
    tokens: Tokens


class Embedder(Protocol):
    """What makes vectors of texts, many in a batch; beside the sequences of generation."""

    @property
    def n_texts(self) -> int:
        """How many texts may be under way."""
        ...

    @property
    def n_rows(self) -> int:
        """How many tokens one text may have in a batch."""
        ...

    @property
    def n_rows_packed(self) -> int:
        """How many tokens several texts in a batch may have together."""
        ...

    @property
    def holds_cells(self) -> bool:
        """Whether a text takes cells of the memory until it is forgotten."""
        ...

    def embed(self, parts: Sequence[Part]) -> list[Vectors]:
        """Compute a batch: of each part one row, or one for each token where nothing is pooled.

        KvFull (nothing changed) or DecodeFailed (forget all of them).
        """
        ...

    def forget(self, i_text: int) -> None:
        """Drop what the memory holds of a text."""
        ...


class ModelRunner(Protocol):
    """A loaded model with its context and memory."""

    @property
    def embedder(self) -> Embedder | None:
        """What embeds texts; None where the server was not started for that."""
        ...

    @property
    def info(self) -> ModelInfo:
        """What the model is, fixed after loading."""
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """Text to tokens and back; any thread."""
        ...

    @property
    def can_cut(self) -> bool:
        """Whether the memory of a sequence can be cut at any token."""
        ...

    @property
    def mixes_prompts(self) -> bool:
        """Whether a batch may hold chunks of several prompts."""
        ...

    @property
    def can_share(self) -> bool:
        """Whether sequences can hold the same cells (a unified buffer)."""
        ...

    @property
    def can_shift(self) -> bool:
        """Whether positions can be moved."""
        ...

    @property
    def n_seq(self) -> int:
        """Sequence ids that may be used, from 0; at least one for each slot."""
        ...

    @property
    def n_cells(self) -> int:
        """Tokens that all sequences together may hold, shared ones counted once."""
        ...

    def piece(self, token: int) -> bytes:
        """The bytes that token adds to the text; empty for most control tokens."""
        ...

    def is_eog(self, token: int) -> bool:
        """Whether token ends a generation."""
        ...

    def new_sampler(self, params: SamplingParams) -> Sampler:
        """A fresh chain. BadSampling where params can't be honoured."""
        ...

    # one batch

    def clear_batch(self) -> None:
        """Begin a new batch."""
        ...

    def add_row(self, token: int, pos: int, seq_id: int) -> int:
        """Add one row whose logits are wanted; its index in the batch."""
        ...

    def add_chunk(self, tokens: Tokens, pos: int, seq_id: int, *, wants_logits: bool) -> int:
        """Add rows for tokens, (n,) int32, from pos on; the index of the last.

        wants_logits: for the last row.
        """
        ...

    def decode(self) -> None:
        """Compute the batch. KvFull (nothing changed) or DecodeFailed."""
        ...

    # memory

    def cut(self, seq_id: int, n_tokens: int) -> bool:
        """Keep the first n_tokens positions of a sequence; False: it is empty instead."""
        ...

    def cut_floor(self, seq_id: int) -> int:
        """The least number of tokens that `cut` can keep of a sequence; 0 = any.

        What it holds in all where that can't be cut. For can_cut = False alone.
        """
        ...

    @property
    def window(self) -> int:
        """A saved sequence of at most so many tokens can be cut anywhere when it is restored.

        For can_cut = False alone.
        """
        ...

    def checkpoint(self, seq_id: int) -> State | None:
        """A copy of what can't be cut of a sequence; None where it can't be had."""
        ...

    def rewind(self, seq_id: int, n_tokens: int, state: State) -> bool:
        """Keep the first n_tokens of a sequence, by a checkpoint of these tokens.

        False: it is empty instead.
        """
        ...

    def wipe(self) -> None:
        """Forget all sequences, and overwrite what they held."""
        ...

    def copy(self, source: int, target: int, n_tokens: int, *, is_whole: bool) -> bool:
        """Let an empty sequence share the first n_tokens of another. False: it stays empty.

        is_whole: those are all. Where memory can't be cut, fewer are of use after a `rewind` only.
        """
        ...

    def shift(self, seq_id: int, start: int, end: int, n_tokens: int) -> None:
        """Remove positions [start, end) of a sequence of n_tokens, and close the gap."""
        ...

    def move(self, seq_id: int, source: int, target: int, n: int) -> None:
        """Move n positions of a sequence down from source; what lay between is removed."""
        ...

    def use_adapters(self, adapters: Adapters) -> None:
        """Compute the batches from now on with these LoRA adapters, and no others."""
        ...

    def state_bytes(self, seq_id: int) -> int:
        """The size of what `save` would return."""
        ...

    def save(self, seq_id: int) -> State | None:
        """The state of a sequence in host memory; None where it can't be had."""
        ...

    def restore(self, seq_id: int, state: State) -> bool:
        """Replace a sequence by a saved one. False: no room; the sequence is empty then."""
        ...

    @property
    def n_idle_cells(self) -> int:
        """How many cells of idle sequences slow a step down by no more than about a percent."""
        ...

    def close(self) -> None:
        """Free context and model. Idempotent."""
        ...
