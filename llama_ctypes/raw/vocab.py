# mypy: disable-error-code="empty-body"
"""llama.h: the vocabulary, tokenizing and the built-in chat templates.

Thread safe. Special tokens that a vocabulary lacks are LLAMA_TOKEN_NULL.
"""

from __future__ import annotations

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Char
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Float
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.declare import c_function
from llama_ctypes.raw import enums
from llama_ctypes.raw.enums import llama_token_attr
from llama_ctypes.raw.types import llama_chat_message
from llama_ctypes.raw.types import llama_token
from llama_ctypes.raw.types import llama_vocab


@c_function
def llama_vocab_type(vocab: ConstPtr[llama_vocab]) -> EnumOf[enums.llama_vocab_type]:
    """The tokenizer."""


@c_function
def llama_vocab_n_tokens(vocab: ConstPtr[llama_vocab]) -> Int32:
    """Tokens."""


@c_function
def llama_vocab_get_text(vocab: ConstPtr[llama_vocab], token: llama_token) -> CStr:
    """The token as the file spells it."""


@c_function
def llama_vocab_get_score(vocab: ConstPtr[llama_vocab], token: llama_token) -> Float:
    """Its score."""


@c_function
def llama_vocab_get_attr(
    vocab: ConstPtr[llama_vocab], token: llama_token
) -> EnumOf[llama_token_attr]:
    """Its attributes, flags of llama_token_attr."""


@c_function
def llama_vocab_is_eog(vocab: ConstPtr[llama_vocab], token: llama_token) -> Bool:
    """Whether it ends the generation."""


@c_function
def llama_vocab_is_control(vocab: ConstPtr[llama_vocab], token: llama_token) -> Bool:
    """Whether it is a control token."""


@c_function
def llama_vocab_bos(vocab: ConstPtr[llama_vocab]) -> llama_token:
    """Begin of sequence."""


@c_function
def llama_vocab_eos(vocab: ConstPtr[llama_vocab]) -> llama_token:
    """End of sequence."""


@c_function
def llama_vocab_eot(vocab: ConstPtr[llama_vocab]) -> llama_token:
    """End of turn."""


@c_function
def llama_vocab_sep(vocab: ConstPtr[llama_vocab]) -> llama_token:
    """Separator of sentences."""


@c_function
def llama_vocab_nl(vocab: ConstPtr[llama_vocab]) -> llama_token:
    """New line."""


@c_function
def llama_vocab_pad(vocab: ConstPtr[llama_vocab]) -> llama_token:
    """Padding."""


@c_function
def llama_vocab_mask(vocab: ConstPtr[llama_vocab]) -> llama_token:
    """Mask."""


@c_function
def llama_vocab_get_add_bos(vocab: ConstPtr[llama_vocab]) -> Bool:
    """Whether tokenizing adds BOS."""


@c_function
def llama_vocab_get_add_eos(vocab: ConstPtr[llama_vocab]) -> Bool:
    """Whether tokenizing adds EOS."""


@c_function
def llama_vocab_get_add_sep(vocab: ConstPtr[llama_vocab]) -> Bool:
    """Whether tokenizing adds SEP."""


@c_function
def llama_vocab_get_suppress_tokens(
    vocab: ConstPtr[llama_vocab], n_suppress_tokens: Ptr[Int32]
) -> ConstPtr[llama_token]:
    """Tokens that the model file wants never sampled; writes how many."""


@c_function
def llama_vocab_fim_pre(vocab: ConstPtr[llama_vocab]) -> llama_token:
    """Fill in the middle: prefix."""


@c_function
def llama_vocab_fim_suf(vocab: ConstPtr[llama_vocab]) -> llama_token:
    """Fill in the middle: suffix."""


@c_function
def llama_vocab_fim_mid(vocab: ConstPtr[llama_vocab]) -> llama_token:
    """Fill in the middle: middle."""


@c_function
def llama_vocab_fim_pad(vocab: ConstPtr[llama_vocab]) -> llama_token:
    """Fill in the middle: padding."""


@c_function
def llama_vocab_fim_rep(vocab: ConstPtr[llama_vocab]) -> llama_token:
    """Fill in the middle: repository."""


@c_function
def llama_vocab_fim_sep(vocab: ConstPtr[llama_vocab]) -> llama_token:
    """Fill in the middle: separator of files."""


@c_function(releases_gil=True)
def llama_tokenize(
    vocab: ConstPtr[llama_vocab],
    text: CStr,
    text_len: Int32,
    tokens: Ptr[llama_token],
    n_tokens_max: Int32,
    add_special: Bool,
    parse_special: Bool,
) -> Int32:
    """Write the tokens of `text`, `text_len` bytes; returns how many.

    If `n_tokens_max` is too small: minus the number needed, or INT32_MIN if that overflows.
    """


@c_function
def llama_token_to_piece(
    vocab: ConstPtr[llama_vocab],
    token: llama_token,
    buf: Ptr[Char],
    length: Int32,
    lstrip: Int32,
    special: Bool,
) -> Int32:
    """Write a token's bytes, no NUL; returns how many, minus that if `length` is too small."""


@c_function(releases_gil=True)
def llama_detokenize(
    vocab: ConstPtr[llama_vocab],
    tokens: ConstPtr[llama_token],
    n_tokens: Int32,
    text: Ptr[Char],
    text_len_max: Int32,
    remove_special: Bool,
    unparse_special: Bool,
) -> Int32:
    """Write the text of tokens; returns its bytes, minus that if `text_len_max` is too small."""


@c_function
def llama_chat_apply_template(
    tmpl: CStr,
    chat: ConstPtr[llama_chat_message],
    n_msg: Size,
    add_ass: Bool,
    buf: Ptr[Char],
    length: Int32,
) -> Int32:
    """Format messages with a built-in template; returns the bytes, which may exceed `length`."""


@c_function
def llama_chat_builtin_templates(output: Ptr[CStr], len: Size) -> Int32:
    """List the built-in templates; returns how many there are."""
