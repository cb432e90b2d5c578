"""Places in a text as numbers of tokens, for vocabs that write the text in their own way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from server.schema.places import token_places


class Pieces:
    """A vocab of these pieces; token i is piece i."""

    def __init__(self, *pieces: str) -> None:
        self._pieces = [piece.encode() for piece in pieces]

    def piece(self, token: int, *, special: bool = True) -> bytes:
        return self._pieces[token]

    @property
    def all(self) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        return np.arange(len(self._pieces), dtype=np.int32)


def places(text: str, wanted: Sequence[int], *pieces: str) -> tuple[int, ...]:
    vocab = Pieces(*pieces)
    return token_places(vocab.all, text, wanted, vocab)  # type: ignore[arg-type]


def test_a_place_between_tokens_is_after_those_before_it() -> None:
    assert places("U:who A:", (2, 6), "U:", "who", " ", "A:") == (1, 3)


def test_a_token_that_reaches_beyond_the_place_is_after_it() -> None:
    assert places("U:who A:", (2, 5), "U", ":w", "ho A", ":") == (1, 2)


def test_a_bos_that_is_not_in_the_text_counts_as_a_token() -> None:
    assert places("U:who", (0, 2), "<s>", "U:", "who") == (1, 2)
    assert places("<s>U:who", (5,), "<s>", "U:", "who") == (2,)


def test_a_space_that_the_vocab_adds_is_no_part_of_the_text() -> None:
    assert places("U:who", (2,), "<s>", " U:", " who") == (2,)


def test_characters_count_and_not_bytes() -> None:
    assert places("ü:☃ who", (4,), "ü:", "☃", " ", "who") == (3,)


@pytest.mark.parametrize("pieces", [("U:", "WHO", " me"), ("u", ":")])
def test_what_can_not_be_followed_is_left_out(pieces: Sequence[str]) -> None:
    assert places("U:who me", (2, 6), *pieces)[1:] == ()
