"""The vocabulary of the fake runner: a token a byte, EOS and BOS beside them."""

from __future__ import annotations

from collections.abc import Sequence

from llguidance import LLTokenizer
from llguidance import TokenizerWrapper

from server.engine.constraint import Grammars
from server.engine.modelinfo import FimTokens
from server.engine.task import Constraint

EOS = 256
BOS = 257
N_VOCAB = 258


class ByteWrapper(TokenizerWrapper):
    """The same tokens, as llguidance wants them."""

    def __init__(self, preserved: frozenset[int]) -> None:
        self.tokens = [*(bytes([byte]) for byte in range(256)), b"</s>", b"<s>"]
        self.special_token_ids = sorted({EOS, BOS} - preserved)
        self.eos_token_id = EOS
        self.bos_token_id = BOS
        self.is_tokenizer_wrapper = True

    def __call__(self, text: str) -> list[int]:
        """A token a byte."""
        return list(text.encode())


class ByteTokenizer:
    """One token a byte, EOS and BOS beside them."""

    n_vocab = N_VOCAB
    bos: int | None = BOS
    eos: int | None = EOS
    sep: int | None = None
    fim = FimTokens()
    add_sep = False
    add_bos = True
    add_eos = False
    eog_tokens = frozenset({EOS})

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        """Bytes, after BOS if add_special."""
        return [BOS] * add_special + list(text.encode())

    def detokenize(self, tokens: Sequence[int], *, special: bool) -> str:
        """The bytes as text."""
        return b"".join(self.piece(token, special=special) for token in tokens).decode(
            "utf-8", "replace"
        )

    def __init__(self) -> None:
        self.pieces = [self.piece(token) for token in range(N_VOCAB)]
        self.eog = EOS
        self._grammars = Grammars(self._for_grammars)

    def piece(self, token: int, *, special: bool = True) -> bytes:
        """The byte."""
        if token < 256:
            return bytes([token])
        return {EOS: b"</s>", BOS: b"<s>"}[token] if special else b""

    def compile(self, constraint: Constraint, preserved: frozenset[int]) -> Constraint:
        """By llguidance, over bytes."""
        return self._grammars.compile(constraint, preserved)

    def _for_grammars(self, preserved: frozenset[int]) -> LLTokenizer:
        return LLTokenizer(ByteWrapper(preserved), eos_token=[EOS], slices=[])
