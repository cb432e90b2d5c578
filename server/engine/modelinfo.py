"""What request handlers may know of the loaded model: facts and the tokenizer.

Both are made once, when the model is loaded, and are safe to use from any thread. This module
does not know llama_ctypes; `runner.py` fills it in.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING
from typing import Protocol

if TYPE_CHECKING:
    from server.engine.task import Constraint


class Pooling(Enum):
    """How the embeddings of a text's tokens become one, in the words of --pooling."""

    NONE = "none"
    """They don't."""
    MEAN = "mean"
    CLS = "cls"
    """The first token's."""
    LAST = "last"
    RANK = "rank"
    """Scores of a classifier, for reranking."""


@dataclass(frozen=True, slots=True)
class AdapterInfo:
    """A LoRA adapter that was loaded with the model; its place in the list is its id."""

    path: str
    scale: float
    """What it acts with at the start; requests and POST /lora-adapters change it."""
    task_name: str = ""
    prompt_prefix: str = ""
    invocation: tuple[int, ...] = ()
    """The tokens from which on an activated LoRA acts; () = it acts on all."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Facts of a loaded model and its context. Sizes in bytes, lengths in tokens."""

    path: str
    desc: str
    ftype: str
    n_params: int
    size_bytes: int
    n_vocab: int
    vocab_type: int
    n_ctx: int
    n_ctx_slot: int
    """The most tokens that one request may hold."""
    n_ctx_train: int
    n_embd: int
    n_batch: int
    n_ubatch: int
    n_slots: int
    bos_token: str
    eos_token: str
    chat_template: str | None
    chat_template_tool_use: str | None
    has_encoder: bool
    has_decoder: bool
    metadata: Mapping[str, str]
    build_info: str
    """b, the number of llama.cpp's build (0 = unknown), and its commit, such as b0-0c1e57098."""
    adapters: tuple[AdapterInfo, ...] = ()
    can_cut: bool = True
    """Whether the memory of a sequence can be cut at any token."""
    n_streams: int = 1
    """Streams of the KV buffer."""
    can_generate: bool = True
    """Whether it has a memory, without which no token follows another."""
    pooling: Pooling = Pooling.NONE
    n_text_max: int = 0
    """The most tokens that a text to embed may have; 0 = the server makes no embeddings."""
    n_embd_out: int = 0
    """The length of vectors of texts."""
    splits_texts: bool = False
    """Whether a longer text than a ubatch can be embedded in parts."""
    rerank_template: str | None = None
    n_file_streams: int = 1
    """Streams that llama-server's KV buffer has with the same options; its slot files say it."""
    weights_digest: str = ""
    """Of samples of the model's file when it was loaded: who replaces it later changes nothing."""


@dataclass(frozen=True, slots=True)
class FimTokens:
    """Tokens for filling in the middle; None where the vocab lacks one."""

    prefix: int | None = None
    suffix: int | None = None
    middle: int | None = None
    repository: int | None = None
    """Begins the name of a repository."""
    file: int | None = None
    """Begins the name of a file."""


class Tokenizer(Protocol):
    """Text <-> tokens of the loaded vocab; any thread."""

    @property
    def n_vocab(self) -> int:
        """How many tokens the vocab has."""
        ...

    @property
    def bos(self) -> int | None:
        """The token that begins a text, if the vocab has one."""
        ...

    @property
    def eos(self) -> int | None:
        """The token that ends a text, if the vocab has one."""
        ...

    @property
    def sep(self) -> int | None:
        """The token between two texts, if the vocab has one."""
        ...

    @property
    def fim(self) -> FimTokens:
        """Tokens for filling in the middle."""
        ...

    @property
    def add_sep(self) -> bool:
        """Whether the model wants SEP between two texts."""
        ...

    @property
    def add_bos(self) -> bool:
        """Whether the model wants BOS before a prompt."""
        ...

    @property
    def add_eos(self) -> bool:
        """Whether the model wants EOS after a prompt."""
        ...

    @property
    def eog_tokens(self) -> frozenset[int]:
        """All tokens that end a generation."""
        ...

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        """add_special: BOS/EOS as the model wants; parse_special: control tokens in text count."""
        ...

    def detokenize(self, tokens: Sequence[int], *, special: bool) -> str:
        """The text of tokens; special: with control tokens. Bad UTF-8 becomes U+FFFD."""
        ...

    def piece(self, token: int, *, special: bool = True) -> bytes:
        """The bytes of one token."""
        ...

    def compile(self, constraint: Constraint, preserved: frozenset[int]) -> Constraint:
        """The constraint, ready to be followed; may take long. BadGrammar.

        preserved: control tokens that the answer shows, so that a grammar may have their text.
        """
        ...
