"""A model runner without a model: bytes as tokens, a deterministic rule as the next token.

It keeps its own model of the KV cells (which sequence holds which token at which position) and
checks every row that the engine adds against it, so that a wrong position or a leaked cell fails
the test that caused it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from collections.abc import Sequence

import numpy as np

from server.engine.errors import NO_NUMBER
from server.engine.errors import BadLogits
from server.engine.errors import BadSampling
from server.engine.errors import DecodeFailed
from server.engine.errors import KvFull
from server.engine.guided import guided
from server.engine.host_cache import State
from server.engine.modelinfo import AdapterInfo
from server.engine.modelinfo import ModelInfo
from server.engine.runner import Sampler
from server.engine.task import Adapters
from server.engine.task import SamplingParams
from server.engine.task import Tokens
from tests.byte_tokenizer import BOS as BOS
from tests.byte_tokenizer import EOS as EOS
from tests.byte_tokenizer import N_VOCAB as N_VOCAB
from tests.byte_tokenizer import ByteTokenizer
from tests.fake_embedder import FakeEmbedder
from tests.fake_memory import FakeMemory
from tests.fake_memory import Origin
from tests.fake_memory import UncutParts
from tests.fake_sampler import FakeSampler

ADAPTERS = (
    AdapterInfo("/models/plain.gguf", 0.0),
    AdapterInfo("/models/activated.gguf", 0.0, invocation=(ord("!"), ord("?"))),
)
"""A LoRA adapter that acts on every token, and one that its tokens activate; both are off."""

Rule = Callable[[Sequence[int]], int]


def next_letter(tokens: Sequence[int]) -> int:
    """A letter that depends on every token so far, and never ends."""
    state = 7
    for token in tokens:
        state = (state * 31 + token + 1) % 1_000_003
    return ord("a") + state % 26


def says(text: bytes) -> Rule:
    """A rule that answers any prompt with text, then EOS. One prompt length at a time."""
    starts: list[int] = []

    def rule(tokens: Sequence[int]) -> int:
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
        "adapters": ADAPTERS,
    }
    return ModelInfo(**(values | overrides))  # type: ignore[arg-type]


class FakeRunner:
    """Sequences that share cells, as libllama's unified buffer keeps them; every row is checked."""

    def __init__(
        self,
        rule: Rule = next_letter,
        *,
        n_cells: int | None = None,
        n_seq: int | None = None,
        can_cut: bool = True,
        window: int = 0,
        can_share: bool = True,
        embeds: bool = False,
        n_texts: int = 4,
        **overrides: object,
    ) -> None:
        self.info = info(**overrides)
        self.tokenizer = ByteTokenizer()
        self.can_cut = can_cut and not window
        self.window = window
        self.can_share = can_share
        self.mixes_prompts = not window
        self.can_shift = not window
        self.n_idle_cells = 1 << 30
        self.rule = rule
        self.n_cells = n_cells if n_cells is not None else self.info.n_ctx
        self.n_seq = n_seq if n_seq is not None else self.info.n_slots + 4
        self.embedder: FakeEmbedder | None = None
        if embeds:
            holds_cells = self.info.can_generate
            self.embedder = FakeEmbedder(self, n_texts=n_texts, holds_cells=holds_cells)
        self.memory = FakeMemory()
        self.parts = UncutParts(window)
        self.n_checkpoints = 0
        """Checkpoints that were taken."""
        self.n_samplers = 0
        self.batches: list[int] = []
        """Rows of every batch that was decoded."""
        self.rows: list[tuple[int, int, int, bool]] = []
        """The last batch: token, position, sequence, wants logits."""
        self.adapters: Adapters = ()
        self.fail_next: str | None = None
        """Why the next batch fails, after half of its rows were computed."""
        self.fail_tokens: frozenset[int] = frozenset()
        """Every batch with one of these tokens fails."""
        self.full_next = False
        self.spoil_next = False
        """Whether the next output is no number, although nothing is wrong with the memory."""
        self.refuse_next = False
        """Whether the next state that is restored is found not to fit."""
        self.is_closed = False
        self.n_wiped = 0
        self._outputs: dict[int, list[int]] = {}
        self.owner_of: Callable[[int], str] = lambda seq_id: ""
        """For whom a sequence is computed, where a test wants owners to be kept apart."""
        self._known_origins: list[Origin] = []

    def piece(self, token: int) -> bytes:
        """Text of a token; control tokens have none."""
        return self.tokenizer.piece(token, special=False)

    def is_eog(self, token: int) -> bool:
        """EOS only."""
        return token == EOS

    def new_sampler(self, params: SamplingParams) -> Sampler:
        """A chain that follows the rule."""
        if params.grammar == "bad":
            raise BadSampling("grammar: can't be parsed")
        return guided(FakeSampler(self, params), params, self.tokenizer)

    def clear_batch(self) -> None:
        """Begin a batch."""
        self.rows = []

    def add_row(self, token: int, pos: int, seq_id: int) -> int:
        """One row with logits."""
        self.rows.append((int(token), pos, seq_id, True))
        return len(self.rows) - 1

    def add_chunk(self, tokens: Tokens, pos: int, seq_id: int, *, wants_logits: bool) -> int:
        """Rows of a prompt."""
        for i, token in enumerate(np.asarray(tokens).tolist()):
            self.rows.append((token, pos + i, seq_id, wants_logits and i == len(tokens) - 1))
        return len(self.rows) - 1

    def use_adapters(self, adapters: Adapters) -> None:
        """Remember them; cells remember them too."""
        self.adapters = adapters

    def decode(self) -> None:
        """Check every row and store it."""
        n_rows = Counter(row[2] for row in self.rows)
        if not self.mixes_prompts and sum(n > 1 for n in n_rows.values()) > 1:
            raise AssertionError("a batch with several prompts")
        if not 0 < len(self.rows) <= self.info.n_batch:
            raise AssertionError(f"a batch of {len(self.rows)} rows")
        self._fail_if_told()
        if self.full_next or self.n_used + len(self.rows) > self.n_cells:
            self.full_next = False
            raise KvFull
        self._outputs = {}
        origins = {seq_id: Origin(self.adapters, self.owner_of(seq_id)) for seq_id in n_rows}
        for i, (token, pos, seq_id, has_output) in enumerate(self.rows):
            self.memory.add(seq_id, token, pos, origins[seq_id])
            self.parts.add(seq_id, pos)
            if has_output:
                self._outputs[i] = [cell.token for cell in self.memory.of(seq_id)]
        for seq_id in n_rows:
            self._check_origins(seq_id)
        self.batches.append(len(self.rows))

    def _fail_if_told(self) -> None:
        """What was computed before the fault stays, as in libllama."""
        reason, self.fail_next = self.fail_next, None
        if not self.fail_tokens.isdisjoint(row[0] for row in self.rows):
            reason = "broken token"
        if reason is not None:
            for token, pos, seq_id, _ in self.rows[: len(self.rows) // 2]:
                self.memory.add(seq_id, token, pos, Origin(self.adapters, self.owner_of(seq_id)))
            raise DecodeFailed(reason)

    def _check_origins(self, seq_id: int) -> None:
        """One for all cells; only before an activated LoRA acts, there may be bare ones."""
        origins = [cell.origin for cell in self.memory.of(seq_id)]
        if origins.count(Origin(self.adapters, origins[-1].owner)) == len(origins):
            return
        if any(origin.owner != origins[-1].owner for origin in origins):
            raise AssertionError(f"sequence {seq_id} has cells of other owners")
        n_bare = 0
        if self.adapters and all(self.info.adapters[i].invocation for i, _ in self.adapters):
            n_bare = next(i for i, origin in enumerate(origins) if origin.adapters)
        if any(origin.adapters != self.adapters for origin in origins[n_bare:]):
            raise AssertionError(f"sequence {seq_id} mixes adapters")

    def next_token(self, i_batch: int) -> int:
        """What follows the sequence of an output row."""
        if self.spoil_next:
            self.spoil_next = False
            raise BadLogits(NO_NUMBER)
        return self.rule(self._outputs[i_batch])

    @property
    def n_used(self) -> int:
        """Cells in use."""
        return len(self.memory.cells) + (self.embedder.n_used if self.embedder else 0)

    def held(self, seq_id: int) -> list[int]:
        """The tokens of a sequence."""
        return [cell.token for cell in self.memory.of(seq_id)]

    def cut(self, seq_id: int, n_tokens: int) -> bool:
        """Keep the first n_tokens."""
        n_held = max((c.pos + 1 for c in self.memory.cells if seq_id in c.holders), default=0)
        if not self.can_cut and 0 < n_tokens < min(n_held, self.cut_floor(seq_id)):
            self.memory.remove(seq_id, 0, n_held)
            self.parts.clear(seq_id)
            return False
        self.memory.remove(seq_id, n_tokens, n_held)
        if not n_tokens:
            self.parts.clear(seq_id)
        return True

    def cut_floor(self, seq_id: int) -> int:
        """Where the parts that can't be cut still are."""
        return self.parts.floor(seq_id, len(self.memory.of(seq_id)))

    def checkpoint(self, seq_id: int) -> State | None:
        """The tokens that it is of, so that they can be compared."""
        self.n_checkpoints += 1
        return self.save(seq_id)

    def rewind(self, seq_id: int, n_tokens: int, state: State) -> bool:
        """Only to the tokens that the checkpoint was taken of."""
        rows = state.view(np.int32).reshape(-1, 2).tolist()
        known, held = self._known_origins, self.memory.of(seq_id)
        if [(c.token, known.index(c.origin)) for c in held[:n_tokens]] != [*map(tuple, rows)]:
            raise AssertionError(f"sequence {seq_id}: a checkpoint of other tokens")
        self.memory.remove(seq_id, 0 if self.refuse_next else n_tokens, len(held))
        if self.refuse_next:
            self.refuse_next = False
            self.parts.clear(seq_id)
            return False
        self.parts.restore(seq_id, n_tokens)
        return True

    def wipe(self) -> None:
        """Forget everything."""
        self.n_wiped += 1
        for seq_id in range(self.n_seq):
            self.cut(seq_id, 0)

    def copy(self, source: int, target: int, n_tokens: int, *, is_whole: bool) -> bool:
        """Share cells."""
        if not self.can_share:
            raise AssertionError("sequences of split streams share nothing")
        held = self.memory.of(source)
        if is_whole != (n_tokens == len(held)):
            raise AssertionError(f"{n_tokens} of {len(held)} tokens, {is_whole=}")
        if self.memory.of(target):
            raise AssertionError(f"sequence {target} is not empty")
        self.memory.share(source, target, n_tokens)
        self.parts.copy(source, target, has_all=self.can_cut or is_whole)
        return True

    def shift(self, seq_id: int, start: int, end: int, n_tokens: int) -> None:
        """Close a gap."""
        self.memory.remove(seq_id, start, end)
        self.memory.move(seq_id, end, n_tokens, start - end)

    def move(self, seq_id: int, source: int, target: int, n: int) -> None:
        """Move a chunk down."""
        self.memory.remove(seq_id, target, source)
        self.memory.move(seq_id, source, source + n, target - source)

    def state_bytes(self, seq_id: int) -> int:
        """Two numbers a token."""
        return 8 * len(self.memory.of(seq_id))

    def save(self, seq_id: int) -> State | None:
        """Tokens and their origins as bytes."""
        known, held = self._known_origins, self.memory.of(seq_id)
        known += dict.fromkeys(c.origin for c in held if c.origin not in known)
        rows = [(c.token, known.index(c.origin)) for c in held]
        return np.array(rows, np.int32).reshape(-1).view(np.uint8)

    def restore(self, seq_id: int, state: State) -> bool:
        """Take them back if there is room."""
        if self.memory.of(seq_id):
            raise AssertionError(f"sequence {seq_id} is not empty")
        if self.refuse_next:
            self.refuse_next = False
            return False
        rows = state.view(np.int32).reshape(-1, 2).tolist()
        if self.n_used + len(rows) > self.n_cells:
            return False
        for pos, (token, i) in enumerate(rows):
            self.memory.add(seq_id, token, pos, self._known_origins[i])
        self.parts.restore(seq_id, len(rows))
        return True

    def owners(self, state: State) -> set[str]:
        """For whom a state was computed."""
        rows = state.view(np.int32).reshape(-1, 2).tolist()
        return {self._known_origins[i].owner for _, i in rows}

    def close(self) -> None:
        """Remember that it was closed."""
        self.is_closed = True
