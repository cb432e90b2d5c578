"""A vocabulary of a few texts beside all bytes, for grammars without a model."""

from __future__ import annotations

from collections.abc import Sequence

from llguidance import LLTokenizer
from llguidance import TokenizerWrapper

from server.engine.constraint import Grammars
from server.engine.task import Constraint

EOS = 256


class Wrapper(TokenizerWrapper):
    """The longest token that fits, again and again."""

    def __init__(self, pieces: Sequence[bytes], special: Sequence[int]) -> None:
        self.tokens = list(pieces)
        self.special_token_ids = list(special)
        self.eos_token_id = EOS
        self.bos_token_id = None
        self.is_tokenizer_wrapper = True

    def __call__(self, text: str) -> list[int]:
        """Greedy."""
        data, tokens = text.encode(), []
        while data:
            usable = (
                i
                for i, piece in enumerate(self.tokens)
                if piece and data.startswith(piece) and i not in self.special_token_ids
            )
            best = max(usable, key=lambda i: len(self.tokens[i]))
            tokens.append(best)
            data = data[len(self.tokens[best]) :]
        return tokens


class Vocabulary:
    """Bytes, EOS, some texts, and control tokens."""

    def __init__(self, texts: Sequence[str] = (), control: Sequence[str] = ()) -> None:
        self.pieces = [bytes([byte]) for byte in range(256)] + [b"</s>"]
        self.pieces += [text.encode() for text in (*texts, *control)]
        self.control = frozenset(range(257 + len(texts), len(self.pieces)))
        self.grammars = Grammars(self._make)

    def _make(self, preserved: frozenset[int]) -> LLTokenizer:
        special = sorted({EOS, *self.control} - preserved)
        return LLTokenizer(Wrapper(self.pieces, special), eos_token=[EOS], slices=[])

    def token(self, text: str) -> int:
        """The token of a text."""
        return self.pieces.index(text.encode())

    def compile(
        self, lark: str, *, preserved: frozenset[int] = frozenset(), **more: object
    ) -> Constraint:
        """A constraint, ready to be followed."""
        return self.grammars.compile(Constraint(lark, **more), preserved)  # type: ignore[arg-type]
