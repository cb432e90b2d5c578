"""The `messages` of a request: checked, and in the form that templates expect.

Answers to common_chat_msgs_parse_oaicompat in llama.cpp `common/chat.cpp` and to
oaicompat_chat_params_parse in `tools/server/server-common.cpp`. It knows no template.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from server.chat.errors import MessagesError

Message = dict[str, Any]
"""role, content (str, None or a list of text parts), tool_calls, reasoning_content, ..."""

COPIED = ("reasoning_content", "name", "tool_call_id")
MEDIA = {
    "image_url": "image",
    "input_audio": "audio",
    "input_video": "video",
    "video_url": "video",
}


def parse_messages(body: Mapping[str, Any]) -> list[Message]:
    """The messages of a request body. MessagesError names what is wrong."""
    messages = body.get("messages")
    if messages is None:
        raise MessagesError("'messages' is required")
    if not isinstance(messages, list):
        raise MessagesError("Expected 'messages' to be an array")
    return [_message(message, i) for i, message in enumerate(messages)]


def _message(message: object, i: int) -> Message:
    if not isinstance(message, dict):
        raise MessagesError(f"messages[{i}]: expected an object, got {_shown(message)}")
    role = message.get("role")
    if not isinstance(role, str):
        raise MessagesError(f"messages[{i}]: 'role' is missing or not a string; give 'user'")
    has_content, has_calls = "content" in message, bool(message.get("tool_calls"))
    if not has_content and role != "assistant":
        raise MessagesError("All non-assistant messages must contain 'content'")
    if not has_content and not has_calls:
        raise MessagesError("Assistant message must contain either 'content' or 'tool_calls'!")
    parsed: Message = {"role": role, "content": _content(message.get("content"), i)}
    if has_calls:
        parsed["tool_calls"] = _tool_calls(message["tool_calls"], i)
    for key in COPIED:
        if message.get(key) is not None:
            parsed[key] = message[key]
    return parsed


def _content(content: object, i: int) -> object:
    if content is None or isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise MessagesError(
            f"messages[{i}]: Expected 'content' to be a string or an array, got {_shown(content)}"
        )
    return [_part(part, i) for part in content]


def _part(part: object, i: int) -> dict[str, str]:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(kind, str):
        raise MessagesError(f"messages[{i}]: content part without 'type': {_shown(part)}")
    if kind in MEDIA:
        raise MessagesError(
            f"{MEDIA[kind]} input is not supported - hint: if this is unexpected, you may need to"
            " provide the mmproj"
        )
    if kind != "text":
        raise MessagesError(f"messages[{i}]: unsupported content[].type {kind!r}; use 'text'")
    if not isinstance(part.get("text"), str):
        raise MessagesError(f"messages[{i}]: a content part of type 'text' needs a string 'text'")
    return {"type": "text", "text": part["text"]}


def _tool_calls(calls: object, i: int) -> list[dict[str, Any]]:
    if not isinstance(calls, list):
        raise MessagesError(f"messages[{i}]: 'tool_calls' must be an array")
    return [_tool_call(call, i) for call in calls]


def _tool_call(call: object, i: int) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict):
        raise MessagesError(f"messages[{i}]: a tool call needs a 'function': {_shown(call)}")
    if call.get("type") != "function":
        raise MessagesError(f"messages[{i}]: unsupported tool call type: {_shown(call)}")
    if not isinstance(function.get("name"), str):
        raise MessagesError(f"messages[{i}]: a tool call needs a function 'name': {_shown(call)}")
    arguments = function.get("arguments", "")
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    parsed: dict[str, Any] = {
        "type": "function",
        "function": {"name": function["name"], "arguments": arguments},
    }
    if call.get("id") is not None:
        parsed["id"] = call["id"]
    return parsed


def _shown(value: object, limit: int = 100) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[:limit] + "..."
