"""The loaded vocab for any thread: text <-> tokens, pieces from a table built once.

Answers to the Tokenizer protocol of `server/engine/modelinfo.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import cast

from llama_ctypes.vocab import Vocab
from server.engine.constraint import Grammars
from server.engine.errors import BadGrammar
from server.engine.llama.exact import ExactTokenizer
from server.engine.task import Constraint

if TYPE_CHECKING:
    from llguidance import LLTokenizer
    from llguidance import TokenizerWrapper
from server.engine.modelinfo import FimTokens


class LlamaTokenizer:
    """Vocab functions are read-only in libllama, so threads may share them."""

    def __init__(self, vocab: Vocab) -> None:
        self._vocab = vocab
        self.n_vocab = vocab.n_tokens
        self.bos = vocab.bos
        self.eos = vocab.eos
        self.sep = vocab.sep
        self.fim = FimTokens(
            vocab.fim_pre, vocab.fim_suf, vocab.fim_mid, vocab.fim_rep, vocab.fim_sep
        )
        self.add_bos = vocab.add_bos
        self.add_sep = vocab.add_sep
        self.add_eos = vocab.add_eos
        self.pieces = vocab.pieces(special=True)
        """Bytes of every token, control tokens with their text."""
        self.plain_pieces = vocab.pieces(special=False)
        """Bytes of every token, empty for control tokens."""
        self.eog_tokens = vocab.eog_tokens()
        self._grammars = Grammars(self._for_grammars)

    @property
    def eog(self) -> int:
        """The token that ends a generation where nothing else may follow. BadGrammar."""
        if self.eos in self.eog_tokens:
            return self.eos
        if not self.eog_tokens:
            raise BadGrammar("grammar: this model has no token that ends an answer")
        return min(self.eog_tokens)

    def compile(self, constraint: Constraint, preserved: frozenset[int]) -> Constraint:
        """See Tokenizer."""
        return self._grammars.compile(constraint, preserved)

    def _for_grammars(self, preserved: frozenset[int]) -> LLTokenizer:
        """The vocabulary for llguidance. Two steps, because it keeps the GIL in each."""
        from llguidance import LLTokenizer

        view = ExactTokenizer(self._vocab, self.pieces, self.plain_pieces, preserved, self.eog)
        wrapper = cast("TokenizerWrapper", view)
        tokenizer = LLTokenizer(wrapper, eos_token=sorted(self.eog_tokens), slices=[])
        return tokenizer.with_slices(LLTokenizer.general_slices())

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        """See Tokenizer. Releases the GIL."""
        return self._vocab.tokenize(text, add_special, parse_special)

    def detokenize(self, tokens: Sequence[int], *, special: bool) -> str:
        """See Tokenizer. Pieces are joined as they are, as a generation's would be."""
        pieces = self.pieces if special else self.plain_pieces
        return b"".join(pieces[token] for token in tokens).decode("utf-8", "replace")

    def piece(self, token: int, *, special: bool = True) -> bytes:
        """See Tokenizer."""
        return (self.pieces if special else self.plain_pieces)[token]
