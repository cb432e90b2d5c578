"""The vocabulary of a model: tokens, their bytes, text to tokens and back. llama.h: Vocab

Part of a model, so it owns nothing but keeps the model alive. Every call is thread-safe. Knows no
context. Pieces are bytes: a token may hold half a character.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from ctypes import POINTER
from ctypes import c_int32
from ctypes import create_string_buffer
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from llama_ctypes.buffers import as_list
from llama_ctypes.buffers import as_tokens
from llama_ctypes.buffers import read_bytes
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import ref
from llama_ctypes.errors import TokenError
from llama_ctypes.raw import enums
from llama_ctypes.raw import vocab as raw
from llama_ctypes.raw.enums import llama_token_attr
from llama_ctypes.raw.types import llama_vocab

if TYPE_CHECKING:
    from llama_ctypes.model import Model

PIECE_BYTES = 64
"""Most pieces are shorter; longer ones are read again."""

_INT32_MAX = 2**31 - 1
_INT32_P = POINTER(c_int32)


class Vocab:
    """Tokens of a model. Special tokens are ids, or None where the model has none."""

    def __init__(
        self, model: Model, pointer: ConstPtr[llama_vocab], pieces: dict[bool, list[bytes]]
    ) -> None:
        """`pieces` is the model's cache of piece tables; use `Model.vocab`."""
        self._model = model
        self._pointer = pointer
        self._pieces = pieces
        self.n_tokens = raw.llama_vocab_n_tokens(pointer)
        self.type = enums.llama_vocab_type(raw.llama_vocab_type(pointer))
        self.bos = _optional(raw.llama_vocab_bos(pointer))
        self.eos = _optional(raw.llama_vocab_eos(pointer))
        self.eot = _optional(raw.llama_vocab_eot(pointer))
        self.sep = _optional(raw.llama_vocab_sep(pointer))
        self.nl = _optional(raw.llama_vocab_nl(pointer))
        self.pad = _optional(raw.llama_vocab_pad(pointer))
        self.mask = _optional(raw.llama_vocab_mask(pointer))
        self.fim_pre = _optional(raw.llama_vocab_fim_pre(pointer))
        self.fim_suf = _optional(raw.llama_vocab_fim_suf(pointer))
        self.fim_mid = _optional(raw.llama_vocab_fim_mid(pointer))
        self.fim_pad = _optional(raw.llama_vocab_fim_pad(pointer))
        self.fim_rep = _optional(raw.llama_vocab_fim_rep(pointer))
        self.fim_sep = _optional(raw.llama_vocab_fim_sep(pointer))
        self.add_bos = raw.llama_vocab_get_add_bos(pointer)
        self.add_eos = raw.llama_vocab_get_add_eos(pointer)
        self.add_sep = raw.llama_vocab_get_add_sep(pointer)

    @property
    def model(self) -> Model:
        """The model that it is part of."""
        return self._model

    @property
    def ptr(self) -> ConstPtr[llama_vocab]:
        """The live pointer. UseAfterFree when the model has been freed."""
        self._model.ptr  # noqa: B018
        return self._pointer

    def is_eog(self, token: int) -> bool:
        """Whether it ends a generation; any id may be asked."""
        return raw.llama_vocab_is_eog(self.ptr, token)

    def eog_tokens(self) -> frozenset[int]:
        """All tokens that end a generation."""
        is_eog, pointer = raw.llama_vocab_is_eog, self.ptr
        return frozenset(token for token in range(self.n_tokens) if is_eog(pointer, token))

    def is_control(self, token: int) -> bool:
        """Whether it is a control token, which text does not show."""
        return raw.llama_vocab_is_control(self.ptr, self._check(token))

    def text(self, token: int) -> str:
        """The token as the file spells it, e.g. with U+2581 for a space."""
        text = raw.llama_vocab_get_text(self.ptr, self._check(token))
        return (text or b"").decode("utf-8", "replace")

    def score(self, token: int) -> float:
        """Its score in SPM vocabularies."""
        return raw.llama_vocab_get_score(self.ptr, self._check(token))

    def attr(self, token: int) -> llama_token_attr:
        """Its attributes."""
        return llama_token_attr(raw.llama_vocab_get_attr(self.ptr, self._check(token)))

    def suppressed(self) -> list[int]:
        """Tokens that the model's file wants never to be generated."""
        n = c_int32()
        tokens = raw.llama_vocab_get_suppress_tokens(self.ptr, ref(n))
        return [tokens[i] for i in range(n.value)]

    def tokenize(self, text: str | bytes, add_special: bool, parse_special: bool) -> list[int]:
        """Tokens of `text`; releases the GIL.

        add_special: with BOS and EOS where the model wants them. parse_special: control tokens
        written in the text count as such. TokenError: a lone surrogate, or no vocabulary.
        """
        data = self._utf8(text)
        tokens = np.empty(len(data) + 8, dtype=np.int32)
        n = self._tokenize_into(tokens, data, add_special, parse_special)
        if n < 0:
            tokens = np.empty(-n, dtype=np.int32)
            n = self._tokenize_into(tokens, data, add_special, parse_special)
        return as_list(tokens[:n])

    def _tokenize_into(
        self, tokens: Any, data: bytes, add_special: bool, parse_special: bool
    ) -> int:
        out = tokens.ctypes.data_as(_INT32_P)
        n = raw.llama_tokenize(
            self.ptr, data, len(data), out, len(tokens), add_special, parse_special
        )
        if n < -_INT32_MAX:
            raise TokenError(f"a text of {len(data)} bytes has too many tokens")
        return n

    def _utf8(self, text: str | bytes) -> bytes:
        if self.type == enums.llama_vocab_type.LLAMA_VOCAB_TYPE_NONE:
            raise TokenError("the model has no vocabulary; pass token ids instead of text")
        try:
            data = text.encode() if isinstance(text, str) else text
        except UnicodeEncodeError as error:
            raise TokenError(f"the text is not valid Unicode: {error.reason}") from None
        if len(data) > _INT32_MAX:
            raise TokenError(f"a text of {len(data)} bytes is too long to tokenize")
        return data

    def token_to_piece(self, token: int, special: bool = True) -> bytes:
        """The exact bytes of a token; `special`: control tokens show their text, else nothing."""
        pointer, token = self.ptr, self._check(token)
        return read_bytes(
            lambda buffer, size: raw.llama_token_to_piece(pointer, token, buffer, size, 0, special)
        )

    def pieces(self, special: bool) -> list[bytes]:
        """The bytes of all tokens, by id. Built once a model: do not change it."""
        self._check(0)
        table = self._pieces.get(special)
        if table is None:
            table = self._pieces[special] = list(self._read_pieces(special))
        return table

    def _read_pieces(self, special: bool) -> Iterator[bytes]:
        """As token_to_piece, through one buffer: four times as fast, with 100,000s of tokens."""
        read, pointer = raw.llama_token_to_piece, self.ptr
        buffer = create_string_buffer(PIECE_BYTES)
        for token in range(self.n_tokens):
            n = read(pointer, token, buffer, PIECE_BYTES, 0, special)
            yield buffer.raw[:n] if n >= 0 else self.token_to_piece(token, special)

    def detokenize(
        self, tokens: Sequence[int], remove_special: bool = False, unparse_special: bool = False
    ) -> bytes:
        """Bytes of the text of `tokens`; releases the GIL.

        remove_special: without BOS and EOS. unparse_special: with the text of control tokens.
        """
        ids = as_tokens(tokens)
        if len(ids) == 0:
            return b""
        self._check(int(ids.min()))
        self._check(int(ids.max()))
        pointer, source, n = self.ptr, ids.ctypes.data_as(_INT32_P), len(ids)
        return read_bytes(
            lambda buffer, size: raw.llama_detokenize(
                pointer, source, n, buffer, size, remove_special, unparse_special
            ),
            size=8 * n + 64,
        )

    def _check(self, token: int) -> int:
        """The token, if C can look it up: it aborts or reads past its table otherwise."""
        if self.type == enums.llama_vocab_type.LLAMA_VOCAB_TYPE_NONE:
            raise TokenError("the model has no vocabulary")
        if not 0 <= token < self.n_tokens:
            raise TokenError(
                f"token {token} is not in the vocabulary, which has {self.n_tokens} tokens"
            )
        return token


def _optional(token: int) -> int | None:
    return None if token == enums.LLAMA_TOKEN_NULL else token
