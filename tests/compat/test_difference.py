"""The comparison finds what a client could notice, and nothing else."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from tests.compat.difference import Difference
from tests.compat.difference import answers_differ
from tests.compat.difference import differences


def in_base64(first: float) -> str:
    """A vector of 16 values as OpenAI's API packs it."""
    return base64.b64encode(np.array([first] + [0.5] * 15, "<f4").tobytes()).decode()


def found(reference: Any, ours: Any) -> list[tuple[str, str]]:
    return [(d.path, d.what) for d in differences(reference, ours)]


def test_equal_values_do_not_differ() -> None:
    value = {"a": [1, 2.5, None, {"b": "c"}], "d": True}
    assert found(value, value) == []


@pytest.mark.parametrize(
    ("reference", "ours", "expected"),
    [
        ({"a": 1}, {}, [("a", "missing")]),
        ({}, {"a": 1}, [("a", "extra")]),
        ({"a": 1}, {"a": 1.0}, [("a", "type")]),
        ({"a": 1}, {"a": True}, [("a", "type")]),
        ({"a": None}, {"a": 0}, [("a", "type")]),
        ({"a": [1, 2]}, {"a": [1]}, [("a", "length")]),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]}, [("a.0.b", "value")]),
        ({"created": 1}, {"created": "1"}, [("created", "type")]),
        ({"n_ms": 1.0}, {}, [("n_ms", "missing")]),
        ({"logprob": -1.0}, {"logprob": -1.1}, [("logprob", "value")]),
        ({"v": [1.0, 0.1]}, {"v": [1.0, 0.103]}, [("v.1", "value")]),
        ({"v": [1.0, 0.1]}, {"v": [1.0, float("nan")]}, [("v.1", "value")]),
        ({"v": [1.0, 0.1]}, {"v": [1.0]}, [("v", "length")]),
        ({"v": in_base64(1.0)}, {"v": in_base64(1.1)}, [("v.0", "value")]),
        ({"id": "chatcmpl-" + "a" * 32}, {"id": "a"}, [("id", "value")]),
        ({"id": 1}, {"id": 2}, [("id", "value")]),
        ({"build_info": "b1-0c1e570"}, {"build_info": "0.5.0"}, [("build_info", "value")]),
        ({"id_slot": -1}, {"id_slot": 0}, [("id_slot", "value")]),
        ({"message": "no key"}, {"message": "no lock"}, [("message", "value")]),
        ({"message": "Field 'a': x"}, {"message": "Field 'b': x"}, [("message", "value")]),
    ],
)
def test_a_difference_is_found(reference: Any, ours: Any, expected: Any) -> None:
    assert found(reference, ours) == expected


@pytest.mark.parametrize(
    ("reference", "ours"),
    [
        ({"created": 1}, {"created": 2}),
        ({"prompt_ms": 1.0}, {"prompt_ms": 2.0}),
        ({"id": "chatcmpl-" + "a" * 32}, {"id": "chatcmpl-" + "b" * 32}),
        ({"logprob": -1.0}, {"logprob": -1.0001}),
        ({"v": [1.0, 0.001]}, {"v": [1.0, 0.002]}),
        ({"v": in_base64(1.0)}, {"v": in_base64(1.001)}),
        ({"id_slot": 0}, {"id_slot": 1}),
        ({"message": "Field 'a': x"}, {"message": "Field 'a': expected y"}),
        ({"message": "no key"}, {"message": "no key; give one"}),
    ],
)
def test_what_is_not_determined_may_differ(reference: Any, ours: Any) -> None:
    assert found(reference, ours) == []


def test_an_answer_of_another_status_differs_in_that_alone() -> None:
    (only,) = answers_differ({"status": 200, "body": {"a": 1}}, {"status": 400, "body": {}})
    assert only == Difference("status", "value", "200 {'a': 1}", "400 {}")
