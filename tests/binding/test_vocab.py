"""Tokens, pieces, text to tokens and back."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from llama_ctypes.errors import TokenError
from llama_ctypes.errors import UseAfterFree
from llama_ctypes.model import Model
from llama_ctypes.raw.enums import llama_token_attr
from llama_ctypes.raw.enums import llama_vocab_type
from llama_ctypes.vocab import Vocab
from tests.tiny_models import tiny_vocab

SPACE = "\u2581"
TEXTS = ["Once upon a time", "", " ", "\n\n", "naïve Größe", "日本語", "🦙" * 40, "a\0b", "<s>"]


def token(text: str) -> int:
    return tiny_vocab().tokens.index(text)


def test_special_tokens_are_those_of_the_file(vocab: Vocab) -> None:
    assert (vocab.bos, vocab.eos, vocab.eot) == (1, 2, token("<|im_end|>"))
    assert vocab.nl == token("<0x0A>")


def test_missing_special_tokens_are_none(vocab: Vocab) -> None:
    missing = (vocab.sep, vocab.pad, vocab.mask, vocab.fim_pre, vocab.fim_suf, vocab.fim_mid)
    assert missing == (None,) * 6
    assert (vocab.fim_pad, vocab.fim_rep, vocab.fim_sep) == (None,) * 3


def test_bos_is_added_and_eos_is_not(vocab: Vocab) -> None:
    assert (vocab.add_bos, vocab.add_eos, vocab.add_sep) == (True, False, False)


def test_type_and_size(vocab: Vocab) -> None:
    assert vocab.type == llama_vocab_type.LLAMA_VOCAB_TYPE_SPM
    assert vocab.n_tokens == len(tiny_vocab().tokens)


def test_end_of_generation_tokens(vocab: Vocab) -> None:
    ends = [t for t in range(vocab.n_tokens) if vocab.is_eog(t)]
    assert ends == [vocab.eos, vocab.eot]


def test_control_tokens(vocab: Vocab) -> None:
    assert vocab.is_control(1)
    assert not vocab.is_control(token("e"))


def test_text_score_and_attributes_of_a_token(vocab: Vocab) -> None:
    the = token(SPACE + "the")
    assert vocab.text(the) == SPACE + "the"
    assert vocab.score(the) == -2.0
    assert vocab.attr(the) == llama_token_attr.LLAMA_TOKEN_ATTR_NORMAL
    assert vocab.attr(1) & llama_token_attr.LLAMA_TOKEN_ATTR_CONTROL


def test_no_token_is_suppressed(vocab: Vocab) -> None:
    assert vocab.suppressed() == []


@pytest.mark.parametrize("text", TEXTS)
def test_text_survives_the_round_trip(vocab: Vocab, text: str) -> None:
    tokens = vocab.tokenize(text, add_special=False, parse_special=False)
    assert vocab.detokenize(tokens).decode() == text


def test_bytes_that_are_no_text_tokenize_too(vocab: Vocab) -> None:
    tokens = vocab.tokenize(b"\xff\xfe", add_special=False, parse_special=False)
    assert b"".join(vocab.token_to_piece(t) for t in tokens) == b" \xff\xfe"


def test_long_text_is_whole(vocab: Vocab) -> None:
    text = "the " * 20_000
    tokens = vocab.tokenize(text, add_special=False, parse_special=False)
    assert vocab.detokenize(tokens).decode() == text


def test_add_special_adds_bos(vocab: Vocab) -> None:
    plain = vocab.tokenize("a", add_special=False, parse_special=False)
    assert vocab.tokenize("a", add_special=True, parse_special=False) == [1, *plain]


def test_parse_special_reads_control_tokens(vocab: Vocab) -> None:
    assert vocab.tokenize("<|im_end|>", False, parse_special=True) == [vocab.eot]
    assert vocab.eot not in vocab.tokenize("<|im_end|>", False, parse_special=False)


def test_lone_surrogate_is_refused(vocab: Vocab) -> None:
    with pytest.raises(TokenError, match="not valid Unicode"):
        vocab.tokenize("\ud800", False, False)


def test_piece_of_a_byte_token_is_that_byte(vocab: Vocab) -> None:
    assert [vocab.token_to_piece(3 + byte) for byte in range(256)] == [
        bytes([b]) for b in range(256)
    ]


def test_piece_of_a_control_token_shows_only_when_asked(vocab: Vocab) -> None:
    assert vocab.token_to_piece(1) == b"<s>"
    assert vocab.token_to_piece(1, special=False) == b""


def test_table_has_every_piece(vocab: Vocab) -> None:
    for special in (False, True):
        assert vocab.pieces(special) == [
            vocab.token_to_piece(t, special) for t in range(vocab.n_tokens)
        ]


def test_table_is_built_once(model: Model) -> None:
    assert model.vocab.pieces(True) is model.vocab.pieces(True)


def test_detokenize_shows_control_tokens_when_asked(vocab: Vocab) -> None:
    assert vocab.detokenize([1, token("a"), 2]) == b"a"
    assert vocab.detokenize([1, token("a"), 2], unparse_special=True) == b"<s>a</s>"


def test_detokenize_leaves_out_bos_and_eos_when_asked(vocab: Vocab) -> None:
    tokens = [1, token("a")]
    assert vocab.detokenize(tokens, remove_special=True, unparse_special=True) == b"a"


def test_detokenize_nothing(vocab: Vocab) -> None:
    assert vocab.detokenize([]) == b""


@pytest.mark.parametrize("bad", [-1, 100_000])
def test_token_out_of_range_raises(vocab: Vocab, bad: int) -> None:
    uses = (vocab.text, vocab.score, vocab.attr, vocab.is_control, vocab.token_to_piece)
    for use in (*uses, lambda t: vocab.detokenize([1, t])):
        with pytest.raises(TokenError, match=f"token {bad} is not in the vocabulary"):
            use(bad)


def test_threads_tokenize_at_once(vocab: Vocab) -> None:
    text = "Once upon a time there was a llama. " * 200
    expected = vocab.tokenize(text, True, True)
    results: list[list[int]] = []
    threads = [
        threading.Thread(target=lambda: results.append(vocab.tokenize(text, True, True)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 8


def test_vocab_keeps_its_model_alive(tiny_model_path: Path) -> None:
    vocab = Model.load(tiny_model_path).vocab
    assert vocab.tokenize("a", False, False)


def test_vocab_of_a_freed_model_raises(own_model: Model) -> None:
    vocab = own_model.vocab
    own_model.free()
    uses = (
        lambda: vocab.tokenize("a", False, False),
        lambda: vocab.token_to_piece(5),
        lambda: vocab.detokenize([5]),
        lambda: vocab.text(5),
        lambda: vocab.is_eog(5),
    )
    for use in uses:
        with pytest.raises(UseAfterFree):
            use()


@pytest.mark.model
def test_smollm2_pieces_join_to_the_text(smollm2_path: Path) -> None:
    params = Model.default_params()
    params.vocab_only = True
    with Model.load(smollm2_path, params) as model:
        vocab = model.vocab
        pieces = vocab.pieces(special=True)
        for text in TEXTS:
            tokens = vocab.tokenize(text, add_special=False, parse_special=False)
            assert b"".join(pieces[t] for t in tokens).decode() == text
