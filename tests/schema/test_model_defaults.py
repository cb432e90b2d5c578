"""What a GGUF file's `general.sampling.*` keys do to the defaults."""

from __future__ import annotations

import pytest

from server.schema import recommended_sampling


def test_every_key_of_the_reference_sets_its_field() -> None:
    metadata = {
        "general.sampling.sequence": "top_k;temp",
        "general.sampling.top_k": "7",
        "general.sampling.top_p": "0.500000",
        "general.sampling.min_p": "0.250000",
        "general.sampling.xtc_probability": "0.125000",
        "general.sampling.xtc_threshold": "0.300000",
        "general.sampling.temp": "1.500000",
        "general.sampling.penalty_last_n": "-1",
        "general.sampling.penalty_repeat": "1.100000",
        "general.sampling.mirostat": "2",
        "general.sampling.mirostat_tau": "4.000000",
        "general.sampling.mirostat_eta": "0.200000",
        "general.name": "model",
    }
    assert recommended_sampling(metadata) == {
        "samplers": ("top_k", "temperature"),
        "top_k": 7,
        "top_p": 0.5,
        "min_p": 0.25,
        "xtc_probability": 0.125,
        "xtc_threshold": 0.3,
        "temperature": 1.5,
        "repeat_last_n": -1,
        "repeat_penalty": 1.1,
        "mirostat": 2,
        "mirostat_tau": 4.0,
        "mirostat_eta": 0.2,
    }


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("top_k", "many"),
        ("top_k", "99999999999"),
        ("temp", ""),
        ("temp", "nan"),
        ("temp", "1e999"),
        ("mirostat", "3"),
        ("sequence", ""),
    ],
)
def test_a_value_that_makes_no_sense_is_left_out(key: str, text: str) -> None:
    assert recommended_sampling({f"general.sampling.{key}": text}) == {}


def test_unknown_samplers_are_left_out() -> None:
    assert recommended_sampling({"general.sampling.sequence": "top-k;nonsense;typ"}) == {
        "samplers": ("top_k", "typ_p")
    }
