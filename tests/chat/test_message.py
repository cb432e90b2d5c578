"""The messages of a request: what they become, and how malformed ones are refused."""

from __future__ import annotations

from typing import Any

import pytest

from server.chat.errors import MessagesError
from server.chat.message import Message
from server.chat.message import parse_messages

CALL = {"type": "function", "function": {"name": "f", "arguments": "{}"}}


def parsed(**message: Any) -> Message:
    """One message, parsed."""
    return parse_messages({"messages": [message]})[0]


def call(**changes: Any) -> dict[str, Any]:
    """An assistant's message with one call; a change to None leaves the field out."""
    changed = {name: value for name, value in (CALL | changes).items() if value is not None}
    return {"role": "assistant", "tool_calls": [changed]}


def test_fields_are_in_the_order_that_templates_print() -> None:
    given = call() | {"tool_call_id": "1", "name": "n", "reasoning_content": "r", "content": "c"}
    names = ["role", "content", "reasoning_content", "name", "tool_call_id", "tool_calls"]
    assert list(parsed(**given)) == names


def test_unknown_fields_are_left_out() -> None:
    assert parsed(role="user", content="Hi", weight=1) == {"role": "user", "content": "Hi"}


def test_null_is_as_good_as_absent() -> None:
    fields = ("reasoning_content", "name", "tool_call_id", "tool_calls")
    message = parsed(role="user", content="Hi", **dict.fromkeys(fields))
    assert message == {"role": "user", "content": "Hi"}


@pytest.mark.parametrize("content", [None, "", []])
def test_no_content_is_empty_text(content: object) -> None:
    assert parsed(role="user", content=content)["content"] == ""


def test_an_assistant_with_calls_needs_no_content() -> None:
    assert parsed(**call())["content"] == ""
    assert parsed(role="assistant", tool_calls=[])["content"] == ""


def test_parts_keep_their_text_and_nothing_else() -> None:
    part = {"type": "text", "text": "Hi", "cache_control": {}}
    assert parsed(role="user", content=[part])["content"] == [{"type": "text", "text": "Hi"}]


def test_arguments_become_compact_json_text() -> None:
    function = {"name": "f", "arguments": {"x": [1, "é"]}}
    (made,) = parsed(**call(function=function))["tool_calls"]
    assert made["function"]["arguments"] == '{"x":[1,"é"]}'


def test_a_call_keeps_its_id() -> None:
    (made,) = parsed(**call(id="c1"))["tool_calls"]
    assert made == CALL | {"id": "c1"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "'messages' is required"),
        ({"messages": None}, "Expected 'messages' to be an array"),
        ({"messages": "Hi"}, "Expected 'messages' to be an array"),
        ({"messages": {"role": "user"}}, "Expected 'messages' to be an array"),
    ],
)
def test_a_body_without_an_array_of_messages_is_refused(body: dict[str, Any], says: str) -> None:
    with pytest.raises(MessagesError, match=says):
        parse_messages(body)


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("Hi", r'messages\[1\]: expected an object, got "Hi"'),
        ({"content": "Hi"}, r"messages\[1\]: 'role' is missing"),
        ({"role": 1, "content": "Hi"}, r"messages\[1\]: expected 'role' to be a string, got 1"),
        ({"role": "user"}, r"messages\[1\]: All non-assistant messages must contain 'content'"),
        ({"role": "assistant"}, r"messages\[1\]: .* either 'content' or 'tool_calls'"),
        ({"role": "user", "content": 3}, r"messages\[1\]: Expected 'content' to be a string or"),
        ({"role": "user", "content": "x", "name": 1}, "'name' to be a string"),
        ({"role": "assistant", "tool_calls": "x"}, r"messages\[1\]\.tool_calls: expected an array"),
        (call(type=None), r"messages\[1\]\.tool_calls\[0\]: Missing tool call type"),
        (call(type="x"), 'Unsupported tool call type "x"'),
        (call(function=None), "Missing tool call function"),
        (call(function={"arguments": "{}"}), "Missing tool call name"),
        (call(function={"name": "f"}), "Missing tool call arguments"),
        (call(id=7), "expected 'id' to be a string, got 7"),
    ],
)
def test_a_malformed_message_is_refused_by_place(message: object, says: str) -> None:
    with pytest.raises(MessagesError, match=says):
        parse_messages({"messages": [{"role": "user", "content": "Hi"}, message]})


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("Hi", "unsupported content"),
        ({"text": "Hi"}, "unsupported content"),
        ({"type": "smell", "text": "Hi"}, '"smell"; use "text"'),
        ({"type": "text"}, "needs a 'text'"),
        ({"type": "text", "text": 1}, "'text' to be a string"),
        ({"type": "image_url", "image_url": {"url": "data:"}}, "image input is not supported"),
        ({"type": "input_audio", "input_audio": {}}, "audio input is not supported"),
        ({"type": "input_video"}, "video input is not supported"),
        ({"type": "video_url"}, "video input is not supported"),
    ],
)
def test_a_malformed_part_is_refused_by_place(part: object, says: str) -> None:
    content = [{"type": "text", "text": "a"}, part]
    with pytest.raises(MessagesError, match=rf"messages\[0\]\.content\[1\]: .*{says}"):
        parse_messages({"messages": [{"role": "user", "content": content}]})


def test_what_is_quoted_of_a_message_is_short() -> None:
    with pytest.raises(MessagesError) as raised:
        parse_messages({"messages": ["x" * 10_000]})
    assert len(str(raised.value)) < 200
