"""What goes into the engine and what comes out: tasks, sampling parameters, events.

Every value here is frozen and made of native types, so it can cross threads without a lock. What is
made for every token is a named tuple, which takes a third of a frozen dataclass's time. The module
does not know how a request looked on the wire (that is `server/schema`), nor how an event is
rendered (that is `server/api`). Answers to llama.cpp `tools/server/server-task.h` and to
`common_params_sampling` in `common/common.h`.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.engine.bounds import Constraint as Constraint
from server.engine.bounds import Reasoning as Reasoning
from server.engine.bounds import Trigger as Trigger
from server.engine.bounds import TriggerKind as TriggerKind

Tokens = NDArray[np.int32]
"""Token ids, (n,) int32."""

Adapters = tuple[tuple[int, float], ...]
"""LoRA adapters by index, each with its scale; sorted, without those of scale 0."""

DEFAULT_SEED = 0xFFFFFFFF
"""The seed that means "choose one at random" (llama.h: LLAMA_DEFAULT_SEED)."""

DEFAULT_SAMPLERS = (
    "penalties",
    "dry",
    "top_n_sigma",
    "top_k",
    "typ_p",
    "top_p",
    "min_p",
    "xtc",
    "temperature",
)
"""The order of the sampler chain where a request gives none."""

DEFAULT_DRY_BREAKERS = ("\n", ":", '"', "*")


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen; names and defaults are those of the request fields."""

    seed: int = DEFAULT_SEED
    temperature: float = 0.8
    dynatemp_range: float = 0.0
    dynatemp_exponent: float = 1.0
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    top_n_sigma: float = -1.0
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    typical_p: float = 1.0
    repeat_last_n: int = 64
    repeat_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_penalty_last_n: int = 64
    dry_sequence_breakers: tuple[str, ...] = DEFAULT_DRY_BREAKERS
    mirostat: int = 0
    mirostat_tau: float = 5.0
    mirostat_eta: float = 0.1
    adaptive_target: float = -1.0
    adaptive_decay: float = 0.9
    samplers: tuple[str, ...] = DEFAULT_SAMPLERS
    ignore_eos: bool = False
    logit_bias: tuple[tuple[int, float], ...] = ()
    """(token, bias) pairs; -inf bans. `ignore_eos` has its bans already in here."""
    min_keep: int = 0
    n_probs: int = 0
    post_sampling_probs: bool = False
    grammar: str = ""
    """GBNF; empty = unconstrained."""
    triggers: tuple[Trigger, ...] | None = None
    """From what on the GBNF holds; None = from the first token."""
    constraint: Constraint | None = None
    """A token mask, besides which `grammar` is empty."""
    reasoning: Reasoning | None = None
    backend_sampling: bool = False

    @property
    def is_guided(self) -> bool:
        """Whether more than the sampler chain decides about the next token."""
        is_lazy = bool(self.grammar) and self.triggers is not None
        return self.constraint is not None or self.reasoning is not None or is_lazy


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One completion to compute.

    prompt: (n_prompt,) int32, not to be written to. n_predict -1 = until the context is full.
    """

    id: int
    prompt: Tokens
    sampling: SamplingParams = field(default_factory=SamplingParams)
    n_predict: int = -1
    n_keep: int = 0
    n_discard: int = 0
    n_indent: int = 0
    t_max_predict_ms: int = -1
    stop: tuple[str, ...] = ()
    stream: bool = False
    """False: no Token events, the Finished event carries the whole text."""
    cache_prompt: bool = True
    """False: takes no prefix of others and gives none."""
    cache_salt: str = ""
    """Only requests with an equal salt share prefixes."""
    n_cache_reuse: int = 0
    """Least length of a later chunk of the slot's tokens that is reused by shifting; 0 = off."""
    adapters: Adapters = ()
    n_bare: int = 0
    """Leading tokens of the prompt that are computed without the adapters (aLoRA)."""
    turns: tuple[int, ...] = ()
    """Places in the prompt, in tokens, where a turn begins: of use where memory can't be cut."""
    id_slot: int = -1
    return_tokens: bool = False
    return_progress: bool = False
    preserved_tokens: frozenset[int] = frozenset()
    """Control tokens whose text is to be shown (tool call markers)."""
    first: int = -1
    """The id of the first of several completions of this prompt; -1: it is the only one."""
    cmpl_id: str = ""
    """The id that the client sees; lets a client address a running request."""
    owner: str = ""
    """Whose it is: owners take turns, measured in tokens."""
    request_id: str = ""
    """What logs call the request that it belongs to."""
    priority: int = 0
    """Lower numbers go first, whoever owns them."""
    t_submitted: float | None = None
    """When it was handed to the engine, by its clock; None = when it got a slot."""
    params: object = None
    """The request's own parsed parameters; opaque to the engine, shown again by /slots."""


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingTask:
    """One text to embed; it needs no slot.

    prompt: (n_prompt,) int32, not to be written to. Answered by Embedded or Failed.
    """

    id: int
    prompt: Tokens
    adapters: Adapters = ()
    t_submitted: float | None = None
    """When it was handed to the engine, by its clock."""
    owner: str = ""
    """Whose turn it is; see Task."""


class StopType(Enum):
    """Why a generation ended, in the reference's words."""

    NONE = "none"
    EOS = "eos"
    WORD = "word"
    LIMIT = "limit"


class ErrorKind(Enum):
    """What kind of failure a request met; the API maps it to a status and a type."""

    INVALID_REQUEST = "invalid_request"
    EXCEED_CONTEXT_SIZE = "exceed_context_size"
    NOT_SUPPORTED = "not_supported"
    UNAVAILABLE = "unavailable"
    OVERLOADED = "overloaded"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class TopToken:
    """One alternative of a sampled token. p is a probability in [0, 1]."""

    id: int
    piece: bytes
    p: float


@dataclass(frozen=True, slots=True)
class TokenProb:
    """The probability of a sampled token and of its alternatives, most likely first.

    piece is the text that was sent with the token; it may be empty while a stop string or a
    UTF-8 character is incomplete.
    """

    id: int
    piece: bytes
    p: float
    top: tuple[TopToken, ...]


class Timings(NamedTuple):
    """Counts of tokens and durations in milliseconds of one request, so far."""

    n_prompt_cached: int = 0
    n_prompt_processed: int = 0
    prompt_ms: float = 0.0
    n_decoded: int = 0
    predicted_ms: float = 0.0
    n_drafted: int = 0
    n_draft_accepted: int = 0


class Token(NamedTuple):
    """One decoded token of a streaming task. text may be empty (held back)."""

    task_id: int
    text: str
    token: int
    timings: Timings
    prob: TokenProb | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Prefill progress. The first one says that processing has begun."""

    task_id: int
    n_total: int
    n_cached: int
    n_processed: int
    """Tokens that are in the sequence now, cached ones included."""
    time_ms: int
    timings: Timings


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of a task that ended by itself.

    text and tokens are the whole output for a non-streaming task; for a streaming one text is
    what was held back and is now due (usually empty).
    """

    task_id: int
    text: str
    tokens: tuple[int, ...]
    probs: tuple[TokenProb, ...]
    stop_type: StopType
    stopping_word: str
    truncated: bool
    has_new_line: bool
    n_prompt: int
    n_cached_end: int
    """Tokens that the slot's sequence holds at the end (`tokens_cached`)."""
    id_slot: int
    timings: Timings


@dataclass(frozen=True, slots=True)
class Failed:
    """The last event of a task that could not be done. message is fit for the client."""

    task_id: int
    kind: ErrorKind
    message: str
    n_prompt: int = 0
    n_ctx: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class SlotDone:
    """The only event of a slot action that was done."""

    task_id: int
    tokens: Tokens
    """What was saved, restored or erased."""
    state: NDArray[np.uint8]
    """Of these tokens, where they were saved."""
    cache_salt: str
    adapters: Adapters
    n_bare: int
    checkpoints: tuple[tuple[int, NDArray[np.uint8]], ...] = ()
    """Of their leading tokens: how many, and what can't be cut of their state."""
    ms: float = 0.0


Vectors = NDArray[np.float32]
"""(n, n_embd) float32: one row, or one for each token where nothing is pooled."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """The only event of a text that was embedded."""

    task_id: int
    vectors: Vectors
    """As the model gives them, not normalized; of a reranker the scores of its classes, (1, n)."""
    n_prompt: int


@dataclass(frozen=True, slots=True)
class ReasoningEnded:
    """The only event of a wish to end a completion's reasoning. message: why it was not done."""

    task_id: int
    is_done: bool
    message: str = ""


Event = Token | Progress | Finished | Failed | SlotDone | Embedded | ReasoningEnded


def is_last(event: Event) -> bool:
    """Whether no event of the same task follows."""
    return isinstance(event, (Finished, Failed, SlotDone, Embedded, ReasoningEnded))
