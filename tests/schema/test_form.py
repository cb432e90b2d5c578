"""What is wrong with a value is said so that a client finds it."""

from __future__ import annotations

import gc
import sys
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


def chat_of(n_messages: int, n_characters: int) -> dict[str, Any]:
    """A conversation of texts and of answers in parts with calls."""
    question = {"role": "user", "content": "x" * n_characters}
    parts = [{"type": "text", "text": "y" * n_characters}]
    answer = {"role": "assistant", "content": parts, "tool_calls": [CALL]}
    return {"messages": [question, answer] * (n_messages // 2), "temperature": 0.5}


def n_calls(body: dict[str, Any]) -> int:
    """The Python functions that a check of a body calls."""
    count = 0

    def see(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    CHAT.check(body)  # compiles
    gc.collect()
    gc.disable()  # what others left to be finalized is no work of the check
    sys.setprofile(see)
    try:
        CHAT.check(body)
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def test_the_work_of_a_check_grows_with_messages_only_and_is_small() -> None:
    short, long = n_calls(chat_of(50, 10)), n_calls(chat_of(50, 2000))
    assert short == long
    per_message = (n_calls(chat_of(100, 10)) - short) / 50
    assert n_calls(chat_of(1000, 10)) - short == pytest.approx(950 * per_message)
    # a quarter of a microsecond each, measured: docs/performance.md
    assert short < 12_000
