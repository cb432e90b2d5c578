"""A vocabulary as llguidance wants it: the text of each token, and texts as exactly their tokens.

Control tokens have no text there, unless a request preserves them: then they are the tokens of
their text. Tokenizers may put a space before a text; here every text's tokens are that text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from llama_ctypes.vocab import Vocab

STARTS = (b"", b"\n", b"\x01")
"""What may stand before a text, so that the tokenizer takes the text for the middle of one."""


class ExactTokenizer:
    """See `llguidance.TokenizerWrapper`. Any thread."""

    is_tokenizer_wrapper = True

    def __init__(
        self,
        vocab: Vocab,
        pieces: Sequence[bytes],
        plain_pieces: Sequence[bytes],
        preserved: frozenset[int],
        eos: int,
    ) -> None:
        """pieces: of every token with the text of control tokens; plain_pieces: without."""
        self._vocab = vocab
        self.tokens = list(pieces)
        self.special_token_ids = [
            token
            for token, (piece, plain) in enumerate(zip(pieces, plain_pieces, strict=True))
            if piece != plain and token not in preserved
        ]
        self.eos_token_id = eos
        self.bos_token_id = vocab.bos
        self._markers = {pieces[token]: token for token in preserved if pieces[token]}
        longest_first = sorted(self._markers, key=len, reverse=True)
        self._split = re.compile(b"(" + b"|".join(map(re.escape, longest_first)) + b")")
        self._bytes = {piece: token for token, piece in enumerate(pieces) if len(piece) == 1}

    def __call__(self, text: str) -> list[int]:
        """The tokens of a text."""
        data = text.encode()
        if not self._markers:
            return self._plain(data)
        tokens: list[int] = []
        for part in self._split.split(data):
            marker = self._markers.get(part)
            tokens += self._plain(part) if marker is None else [marker]
        return tokens

    def _plain(self, text: bytes) -> list[int]:
        if not text:
            return []
        for start in STARTS:
            head = self._vocab.tokenize(start, False, False) if start else []
            tokens = self._vocab.tokenize(start + text, False, False)
            if tokens[: len(head)] == head:
                tail = tokens[len(head) :]
                if b"".join(self.tokens[token] for token in tail) == text:
                    return tail
        return self._greedy(text)

    def _greedy(self, text: bytes) -> list[int]:
        """Byte by byte, where the tokenizer changes texts. KeyError: a byte has no token."""
        return [self._bytes[text[i : i + 1]] for i in range(len(text))]
