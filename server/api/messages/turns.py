"""Turns of blocks -> the messages, parts and calls of a chat; pure functions.

What a block of each type needs is said here, and a block that can't be read is refused by its
place. docs/decisions/0001 says where the order of blocks and turns differs from llama-server's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from server.api.errors import InvalidRequest

Json = dict[str, Any]


def turns_of(messages: Sequence[Json]) -> Iterator[tuple[int, str, str | list[Json]]]:
    """(index of its first message, role, content): neighbours of one role are one turn."""
    first, role = 0, ""
    content: str | list[Json] = []
    for i, message in enumerate(messages):
        if message["role"] == role:
            content = [*_blocks(content), *_blocks(message["content"])]
            continue
        if role:
            yield first, role, content
        first, role, content = i, message["role"], message["content"]
    yield first, role, content


def _blocks(content: str | list[Json]) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def messages_of(role: str, content: str | list[Json], where: str) -> Iterator[Json]:
    """The messages of a turn: results of tools have one each, where they stand."""
    if isinstance(content, str):
        yield {"role": role, "content": content}
        return
    message = _Message(role)
    for i, block in enumerate(content):
        place = f"{where}.content[{i}]"
        if block["type"] == "tool_result":
            yield from message.taken()
            yield _result(block, place)
        else:
            message.add(block, place)
    yield from message.taken()


class _Message:
    """What blocks come to in one message of a chat."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._clear()

    def _clear(self) -> None:
        self._parts: list[Json] = []
        self._calls: list[Json] = []
        self._reasoning = ""

    def add(self, block: Json, place: str) -> None:
        """One block more. InvalidRequest."""
        match block["type"]:
            case "thinking":
                self._reasoning += needed(block, "thinking", place)
            case "redacted_thinking":
                pass  # only Anthropic can read it
            case "tool_use":
                self._calls.append(_call(block, place))
            case _:
                self._parts += _parts(block, place)

    def taken(self) -> Iterator[Json]:
        """The message, if there is anything in it; what comes next is another one."""
        if self._parts or self._calls or self._reasoning:
            message: Json = {"role": self._role, "content": self._parts or ""}
            if self._calls:
                message["tool_calls"] = self._calls
            if self._reasoning:
                message["reasoning_content"] = self._reasoning
            yield message
        self._clear()


def _parts(block: Json, place: str) -> list[Json]:
    """The parts of a block that is seen or read."""
    match block["type"]:
        case "text":
            return [_text(needed(block, "text", place))]
        case "image":
            return [{"type": "image_url", "image_url": {"url": _url(block, place)}}]
        case "document":
            return _document(block, place)
        case "search_result":
            source, title = block.get("source"), block.get("title")
            texts = [f"{title}\n{source}"] if isinstance(source, str) else []
            return [*map(_text, texts), *_inner(block, place)]
        case "tool_reference":
            return [_text(str(block.get("tool_name", "")))]
    raise InvalidRequest(
        f'{place}: unsupported type {json.dumps(block["type"])}; use "text", "thinking", "image", '
        '"document", "search_result", "tool_use" or "tool_result"'
    )


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def _inner(block: Json, place: str) -> list[Json]:
    """The parts of the blocks in a block's content."""
    content = block.get("content")
    if content is None or isinstance(content, str):
        return [_text(content)] if content else []
    found: list[Json] = []
    for i, inner in enumerate(content):
        where = f"{place}.content[{i}]"
        if not isinstance(inner, dict) or not isinstance(inner.get("type"), str):
            raise InvalidRequest(f"{where}: expected a block with a 'type'")
        found += _parts(inner, where)
    return found


def _result(block: Json, place: str) -> Json:
    """The result of a tool; texts only are one text, as in the reference."""
    parts = _inner(block, place)
    is_text = all(part["type"] == "text" for part in parts)
    return {
        "role": "tool",
        "tool_call_id": needed(block, "tool_use_id", place),
        "content": "".join(part["text"] for part in parts) if is_text else parts,
    }


def _call(block: Json, place: str) -> Json:
    arguments = json.dumps(block.get("input") or {}, ensure_ascii=False, separators=(",", ":"))
    function = {"name": needed(block, "name", place), "arguments": arguments}
    return {"id": needed(block, "id", place), "type": "function", "function": function}


def _source(block: Json, place: str) -> Json:
    source = block.get("source")
    if not isinstance(source, dict):
        raise InvalidRequest(f"{place}.source: expected an object")
    return source


def _url(block: Json, place: str) -> str:
    source = _source(block, place)
    match source.get("type"):
        case "base64":
            media = source.get("media_type") or "image/jpeg"
            return f"data:{media};base64,{needed(source, 'data', f'{place}.source')}"
        case "url":
            return needed(source, "url", f"{place}.source")
    raise InvalidRequest(f'{place}.source: unsupported type; use "base64" or "url"')


def _document(block: Json, place: str) -> list[Json]:
    source = _source(block, place)
    titles = [_text(block["title"])] if block.get("title") else []
    match source.get("type"):
        case "text":
            return [*titles, _text(needed(source, "data", f"{place}.source"))]
        case "content":
            return [*titles, *_inner(source, f"{place}.source")]
    raise InvalidRequest(
        f'{place}.source: only documents of type "text" and "content" can be read; send the text '
        "of others"
    )


def needed(block: Json, key: str, place: str) -> str:
    """A text that there has to be. InvalidRequest."""
    value = block.get(key)
    if not isinstance(value, str):
        raise InvalidRequest(f"{place}.{key}: a text is required")
    return value
