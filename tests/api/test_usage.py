"""Timings and probabilities as JSON."""

from __future__ import annotations

import math

import pytest

from server.api.usage import LOWEST_LOGPROB
from server.api.usage import probs_json
from server.api.usage import timings_json
from server.api.usage import whole_text
from server.engine.task import Timings
from server.engine.task import TokenProb
from server.engine.task import TopToken


def test_rates_of_generation_count_steps_because_the_first_token_is_free() -> None:
    shown = timings_json(Timings(2, 4, 8.0, 3, 10.0))
    assert shown == {
        "cache_n": 2,
        "prompt_n": 4,
        "prompt_ms": 8.0,
        "prompt_per_token_ms": 2.0,
        "prompt_per_second": 500.0,
        "predicted_n": 3,
        "predicted_ms": 10.0,
        "predicted_per_token_ms": 5.0,
        "predicted_per_second": 200.0,
    }


def test_nothing_done_yet_has_no_rates() -> None:
    assert set(timings_json(Timings()).values()) == {0}


def test_drafts_are_counted_where_there_were_any() -> None:
    shown = timings_json(Timings(n_drafted=5, n_draft_accepted=3))
    assert (shown["draft_n"], shown["draft_n_accepted"]) == (5, 3)


def test_probabilities_of_zero_have_the_lowest_logarithm() -> None:
    prob = TokenProb(1, b"a", 0.25, (TopToken(2, b"b", 0.0),))
    (shown,) = probs_json([prob], is_post_sampling=False)
    assert shown["logprob"] == math.log(0.25)
    assert shown["top_logprobs"] == [
        {"id": 2, "token": "b", "bytes": [98], "logprob": LOWEST_LOGPROB}
    ]


@pytest.mark.parametrize(
    ("piece", "text"),
    [
        (b"abc", "abc"),
        ("é".encode(), "é"),
        (b"a\xe2\x82", "a"),
        (b"\xff!", "\ufffd!"),
        (b"a\xf6", "a"),
        (b"", ""),
    ],
)
def test_a_character_that_is_cut_off_is_left_out_of_the_text(piece: bytes, text: str) -> None:
    assert whole_text(piece) == text
