"""The `messages` of a request: checked, and in the form that templates expect.

Validation happens here, once; nothing after it meets a raw message. Parts other than text are
refused, since nothing here can see or hear yet. Answers to common_chat_msgs_parse_oaicompat in
llama.cpp `common/chat.cpp` and to oaicompat_chat_params_parse in `tools/server/server-common.cpp`;
unlike there, `null` is as good as absent wherever a field may be absent. It knows no template.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from server.chat.errors import MessagesError

Message = dict[str, Any]
"""role; content (a text, or a list of text parts); then, where given and not empty,
reasoning_content, name, tool_call_id, tool_calls. Templates print messages in this order."""

OPTIONAL_TEXTS = ("reasoning_content", "name", "tool_call_id")
MEDIA = {
    "image_url": "image",
    "input_audio": "audio",
    "input_video": "video",
    "video_url": "video",
}


def parse_messages(body: Mapping[str, Any]) -> list[Message]:
    """The messages of a request body. MessagesError names what is wrong, and where."""
    if "messages" not in body:
        raise MessagesError("'messages' is required")
    messages = body["messages"]
    if not isinstance(messages, list):
        raise MessagesError("Expected 'messages' to be an array")
    return [_message(message, f"messages[{i}]") for i, message in enumerate(messages)]


def is_empty(message: Message) -> bool:
    """Whether a message says nothing beyond its role."""
    return not any(value for key, value in message.items() if key != "role")


def content_text(message: Message, separator: str) -> str:
    """The content as one text, its parts joined."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return separator.join(part["text"] for part in content)


def _message(message: object, where: str) -> Message:
    if not isinstance(message, dict):
        raise MessagesError(f"{where}: expected an object, got {_shown(message)}")
    if "content" not in message:
        if message.get("role") != "assistant":
            raise MessagesError(f"{where}: All non-assistant messages must contain 'content'")
        if "tool_calls" not in message:
            raise MessagesError(
                f"{where}: Assistant message must contain either 'content' or 'tool_calls'!"
            )
    content = _content(message.get("content"), where)
    if message.get("role") is None:
        raise MessagesError(f"{where}: 'role' is missing; give 'user'")
    parsed: Message = {"role": _text(message, "role", where), "content": content}
    for key in OPTIONAL_TEXTS:
        if text := _text(message, key, where):
            parsed[key] = text
    if calls := _tool_calls(message.get("tool_calls"), f"{where}.tool_calls"):
        parsed["tool_calls"] = calls
    return parsed


def _text(owner: Mapping[str, Any], key: str, where: str) -> str:
    value = owner.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MessagesError(f"{where}: expected '{key}' to be a string, got {_shown(value)}")
    return value


def _content(content: object, where: str) -> str | list[dict[str, str]]:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise MessagesError(
            f"{where}: Expected 'content' to be a string or an array, got {_shown(content)}"
        )
    # an empty array is no content, also for templates that would print it as []
    return [_part(part, f"{where}.content[{i}]") for i, part in enumerate(content)] or ""


def _part(part: object, where: str) -> dict[str, str]:
    kind = part.get("type") if isinstance(part, dict) else None
    if isinstance(kind, str) and kind in MEDIA:
        raise MessagesError(
            f"{where}: {MEDIA[kind]} input is not supported - hint: if this is unexpected, you may"
            " need to provide the mmproj"
        )
    if not isinstance(part, dict) or kind != "text":
        raise MessagesError(f'{where}: unsupported content[].type {_shown(kind)}; use "text"')
    if part.get("text") is None:
        raise MessagesError(f"{where}: a content part of type \"text\" needs a 'text'")
    return {"type": "text", "text": _text(part, "text", where)}


def _tool_calls(calls: object, where: str) -> list[dict[str, Any]]:
    if not calls:
        return []
    if not isinstance(calls, list):
        raise MessagesError(f"{where}: expected an array, got {_shown(calls)}")
    return [_tool_call(call, f"{where}[{i}]") for i, call in enumerate(calls)]


def _tool_call(call: object, where: str) -> dict[str, Any]:
    if not isinstance(call, dict) or "type" not in call:
        raise MessagesError(f'{where}: Missing tool call type; use "function"')
    if call["type"] != "function":
        raise MessagesError(f"{where}: Unsupported tool call type {_shown(call['type'])}")
    function = call.get("function")
    if function is None:
        raise MessagesError(f"{where}: Missing tool call function")
    if not isinstance(function, dict) or function.get("name") is None:
        raise MessagesError(f"{where}: Missing tool call name in 'function'")
    if "arguments" not in function:
        raise MessagesError(f"{where}: Missing tool call arguments in 'function'")
    arguments = function["arguments"]
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    name = _text(function, "name", where)
    parsed: dict[str, Any] = {
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }
    if call_id := _text(call, "id", where):
        parsed["id"] = call_id
    return parsed


def _shown(value: object, limit: int = 100) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[:limit] + "..."
