"""Lengths of texts that a model writes without quotes: held to, left out, or named as too long."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from server.chat.grammar import called_at_will
from server.chat.grammar import forced_calls
from server.chat.grammar.calls import Calling
from server.chat.tools import Tool
from server.grammar import SchemaRefused
from tests.chat.test_grammar import properties
from tests.chat.test_grammar import turn_of
from tests.chat.walks import matcher_of

pytestmark = pytest.mark.upstream


@pytest.mark.parametrize(
    "family",
    ["Qwen3-Coder", "google-gemma-4-31B-it", "MiniMax-M3", "openbmb-MiniCPM5-1B", "Kimi-K3"],
)
@pytest.mark.parametrize(
    "limits",
    [
        {"maxLength": 5000},
        {"maxLength": 10**18},
        {"minLength": 9000},
        {"minLength": 5, "maxLength": 3},
    ],
)
def test_lengths_that_cannot_be_counted_are_named_or_left_out(
    family: str, limits: dict[str, Any]
) -> None:
    turn, schema = turn_of(family), properties(q={"type": "string", **limits})
    calling = Calling([Tool("f", schema, "/t")], is_parallel=False, is_strict=True)
    with pytest.raises(SchemaRefused, match=r"/t/properties/q: '(maxLength|minLength)'"):
        forced_calls(turn, calling)
    at_will = called_at_will(turn, replace(calling, is_strict=False))
    assert at_will is not None
    matcher_of(at_will.lark)


@pytest.mark.parametrize("family", ["MiniMax-M3", "openbmb-MiniCPM5-1B"])
def test_lengths_are_counted_together(family: str) -> None:
    members = {f"q{i}": {"type": "string", "maxLength": 400 + i} for i in range(2)}
    turn, calling = turn_of(family), Calling([Tool("f", properties(**members))], False, True)
    matcher_of(forced_calls(turn, calling).lark)
    members |= {f"r{i}": {"type": "string", "maxLength": 600 + i} for i in range(3)}
    with pytest.raises(SchemaRefused, match="'maxLength': counts more letters"):
        forced_calls(turn, replace(calling, tools=[Tool("f", properties(**members))]))
