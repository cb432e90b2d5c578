"""A model runner without a model: bytes as tokens, a deterministic rule as the next token.

It keeps its own model of the KV cells (which sequence holds which token at which position) and
checks every row that the engine adds against it, so that a wrong position or a leaked cell fails
the test that caused it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence

import numpy as np

from server.engine.errors import BadSampling
from server.engine.errors import DecodeFailed
from server.engine.errors import KvFull
from server.engine.host_cache import State
from server.engine.modelinfo import ModelInfo
from server.engine.sampling import chain_steps
from server.engine.task import SamplingParams
from server.engine.task import TokenProb
from server.engine.task import Tokens
from server.engine.task import TopToken

EOS = 256
BOS = 257
N_VOCAB = 258

Rule = Callable[[list[int]], int]


def next_letter(tokens: list[int]) -> int:
    """A letter that depends on every token so far, and never ends."""
    state = 7
    for token in tokens:
        state = (state * 31 + token + 1) % 1_000_003
    return ord("a") + state % 26


def says(text: bytes) -> Rule:
    """A rule that answers any prompt with text, then EOS. One prompt length at a time."""
    starts: list[int] = []

    def rule(tokens: list[int]) -> int:
        if not starts:
            starts.append(len(tokens))
        i = len(tokens) - starts[0]
        return text[i] if i < len(text) else EOS

    return rule


def info(**overrides: object) -> ModelInfo:
    """ModelInfo of a small imaginary model."""
    values: dict[str, object] = {
        "path": "/models/fake.gguf",
        "desc": "fake",
        "ftype": "F32",
        "n_params": 1000,
        "size_bytes": 4000,
        "n_vocab": N_VOCAB,
        "vocab_type": 1,
        "n_ctx": 256,
        "n_ctx_slot": 64,
        "n_ctx_train": 256,
        "n_embd": 8,
        "n_batch": 32,
        "n_ubatch": 32,
        "n_slots": 4,
        "bos_token": "<s>",
        "eos_token": "</s>",
        "chat_template": None,
        "chat_template_tool_use": None,
        "has_encoder": False,
        "has_decoder": True,
        "metadata": {},
        "build_info": "fake",
    }
    return ModelInfo(**(values | overrides))  # type: ignore[arg-type]


class ByteTokenizer:
    """One token a byte, EOS and BOS beside them."""

    n_vocab = N_VOCAB
    bos: int | None = BOS
    eos: int | None = EOS
    add_bos = True
    eog_tokens = frozenset({EOS})

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        """Bytes, after BOS if add_special."""
        return [BOS] * add_special + list(text.encode())

    def detokenize(self, tokens: Sequence[int], *, special: bool) -> str:
        """The bytes as text."""
        return b"".join(self.piece(token, special=special) for token in tokens).decode(
            "utf-8", "replace"
        )

    def piece(self, token: int, *, special: bool = True) -> bytes:
        """The byte."""
        if token < 256:
            return bytes([token])
        return {EOS: b"</s>", BOS: b"<s>"}[token] if special else b""


class FakeSampler:
    """Follows the runner's rule; probabilities are made up but ordered."""

    def __init__(self, runner: FakeRunner, params: SamplingParams) -> None:
        chain_steps(params)
        self.params = params
        self.accepted: list[int] = []
        self.is_closed = False
        self._runner = runner
        runner.n_samplers += 1

    def sample(self, i_batch: int) -> int:
        """The rule's token for the sequence of that row."""
        return self._runner.next_token(i_batch)

    def prob(self, token: int) -> TokenProb | None:
        """Half for the token, a quarter for another."""
        if not self.params.n_probs:
            return None
        top = (TopToken(token, b"?", 0.5), TopToken(0, b"\0", 0.25))
        return TokenProb(token, b"?", 0.5, top[: self.params.n_probs])

    def accept(self, tokens: Tokens) -> None:
        """Remember what was seen."""
        self.accepted.extend(int(token) for token in tokens)

    def close(self) -> None:
        """Count the chain as freed, once."""
        if not self.is_closed:
            self.is_closed = True
            self._runner.n_samplers -= 1


class FakeRunner:
    """Sequences as lists of tokens; a batch is checked row by row."""

    def __init__(
        self, rule: Rule = next_letter, *, n_cells: int | None = None, **overrides: object
    ) -> None:
        self.info = info(**overrides)
        self.tokenizer = ByteTokenizer()
        self.can_cut = True
        self.n_idle_cells = 1 << 30
        self.rule = rule
        self.n_cells = n_cells if n_cells is not None else self.info.n_ctx
        self.sequences: dict[int, list[int]] = {}
        self.n_samplers = 0
        self.batches: list[int] = []
        """Rows of every batch that was decoded."""
        self.fail_next: str | None = None
        self.is_closed = False
        self._rows: list[tuple[int, int, int, bool]] = []
        self._outputs: dict[int, list[int]] = {}

    def piece(self, token: int) -> bytes:
        """Text of a token; control tokens have none."""
        return self.tokenizer.piece(token, special=False)

    def is_eog(self, token: int) -> bool:
        """EOS only."""
        return token == EOS

    def new_sampler(self, params: SamplingParams) -> FakeSampler:
        """A chain that follows the rule."""
        if params.grammar == "bad":
            raise BadSampling("grammar: can't be parsed")
        return FakeSampler(self, params)

    def clear_batch(self) -> None:
        """Begin a batch."""
        self._rows = []

    def add_row(self, token: int, pos: int, seq_id: int) -> int:
        """One row with logits."""
        self._rows.append((int(token), pos, seq_id, True))
        return len(self._rows) - 1

    def add_chunk(self, tokens: Tokens, pos: int, seq_id: int, *, wants_logits: bool) -> int:
        """Rows of a prompt."""
        for i, token in enumerate(np.asarray(tokens).tolist()):
            self._rows.append((token, pos + i, seq_id, wants_logits and i == len(tokens) - 1))
        return len(self._rows) - 1

    def decode(self) -> None:
        """Check every row and store it."""
        if not 0 < len(self._rows) <= self.info.n_batch:
            raise AssertionError(f"a batch of {len(self._rows)} rows")
        if self.fail_next is not None:
            reason, self.fail_next = self.fail_next, None
            raise DecodeFailed(reason)
        if self.n_used + len(self._rows) > self.n_cells:
            raise KvFull
        self._outputs = {}
        for i, (token, pos, seq_id, has_output) in enumerate(self._rows):
            cells = self.sequences.setdefault(seq_id, [])
            if pos != len(cells):
                raise AssertionError(f"sequence {seq_id}: row at {pos}, {len(cells)} held")
            cells.append(token)
            if has_output:
                self._outputs[i] = list(cells)
        self.batches.append(len(self._rows))

    def next_token(self, i_batch: int) -> int:
        """What follows the sequence of an output row."""
        return self.rule(self._outputs[i_batch])

    @property
    def n_used(self) -> int:
        """Cells in use."""
        return sum(len(cells) for cells in self.sequences.values())

    def cut(self, seq_id: int, n_tokens: int) -> None:
        """Keep the first n_tokens."""
        del self.sequences.setdefault(seq_id, [])[n_tokens:]

    def save(self, seq_id: int) -> State | None:
        """The tokens as bytes."""
        return np.array(self.sequences.get(seq_id, []), np.int32).view(np.uint8)

    def restore(self, seq_id: int, state: State) -> bool:
        """Take them back if there is room."""
        self.sequences[seq_id] = []
        tokens = state.view(np.int32).tolist()
        if self.n_used + len(tokens) > self.n_cells:
            return False
        self.sequences[seq_id] = tokens
        return True

    def close(self) -> None:
        """Remember that it was closed."""
        self.is_closed = True
