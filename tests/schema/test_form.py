"""What is wrong with a value is said so that a client finds it."""

from __future__ import annotations

from typing import Any

import pytest

from server.schema import SchemaError
from server.schema.bodies import CHAT
from server.schema.bodies import TOKENIZE
from server.schema.form import Form

HELLO = {"role": "user", "content": "Hello"}
CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}

WRONG: list[tuple[Any, str]] = [
    ({}, "'messages' is required"),
    ({"messages": None}, "Expected 'messages' to be an array, got null"),
    ({"messages": "Hello"}, "Expected 'messages' to be an array, got a string"),
    ({"messages": [HELLO, 5]}, "Expected 'messages[1]' to be an object, got a number"),
    ({"messages": [{"content": "a"}]}, "Field 'messages[0]': 'role' is missing"),
    (
        {"messages": [{"role": "user", "content": 5}]},
        "Expected 'messages[0].content' to be a string or an array, got a number",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": []}]}]},
        "Expected 'messages[0].content[0].text' to be a string, got an array",
    ),
    (
        {"messages": [{"role": "assistant", "tool_calls": [CALL | {"type": "x"}]}]},
        "Field 'messages[0].tool_calls[0].type': must be function",
    ),
    ({"messages": [HELLO], "tools": {}}, "Expected 'tools' to be an array, got an object"),
    (
        {"messages": [HELLO], "tool_choice": True},
        "Expected 'tool_choice' to be a string or an object, got a boolean",
    ),
    (
        {"messages": [HELLO], "parallel_tool_calls": 1},
        "Expected 'parallel_tool_calls' to be true or false, got a number",
    ),
]


@pytest.mark.parametrize(("body", "message"), WRONG)
def test_the_place_and_what_was_expected_are_named(body: Any, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        CHAT.check(body)
    assert caught.value.message == message


def test_null_is_as_good_as_absent() -> None:
    names = [name for row in CHAT.rows for name in (row.name, *row.aliases) if name != "messages"]
    CHAT.check({"messages": [HELLO], **dict.fromkeys(names)})
    TOKENIZE.check({"content": None})


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"enum": ["a", "b"]}, "c", "The request body: must be one of a, b"),
        ({"minItems": 1}, [], "The request body: must not be empty"),
        ({"minItems": 2}, [], "The request body: must have at least 2 elements"),
        ({"maxItems": 1}, [1, 2], "The request body: must have at most 1 elements"),
        ({"minimum": 1}, 0, "The request body: must be at least 1, but got 0"),
        ({"maximum": 1}, 2, "The request body: must be at most 1, but got 2"),
        (
            {"anyOf": [{"type": "string"}, {"type": ["integer", "null"]}]},
            [],
            "The request body: expected a string or an integer, in a form that it may have",
        ),
        ({"type": "null"}, 1, "The request body: expected null, got a number"),
        (
            {"uniqueItems": True},
            [1, 1],
            "The request body: does not keep to 'uniqueItems' of its JSON Schema",
        ),
    ],
)
def test_each_kind_of_limit_has_words(schema: dict[str, Any], value: Any, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        Form(schema).check(value)
    assert caught.value.message == message


def test_a_long_value_is_not_repeated() -> None:
    with pytest.raises(SchemaError) as caught:
        CHAT.check({"messages": "x" * 10_000})
    assert len(caught.value.message) < 100
