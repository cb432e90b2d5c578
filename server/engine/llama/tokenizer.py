"""The loaded vocab for any thread: text <-> tokens, pieces from a table built once.

Answers to the Tokenizer protocol of `server/engine/modelinfo.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from llama_ctypes.vocab import Vocab


class LlamaTokenizer:
    """Vocab functions are read-only in libllama, so threads may share them."""

    def __init__(self, vocab: Vocab) -> None:
        self._vocab = vocab
        self.n_vocab = vocab.n_tokens
        self.bos = vocab.bos
        self.eos = vocab.eos
        self.add_bos = vocab.add_bos
        self.add_eos = vocab.add_eos
        self.pieces = vocab.pieces(special=True)
        """Bytes of every token, control tokens with their text."""
        self.plain_pieces = vocab.pieces(special=False)
        """Bytes of every token, empty for control tokens."""
        self.eog_tokens = frozenset(t for t in range(self.n_vocab) if vocab.is_eog(t))

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
