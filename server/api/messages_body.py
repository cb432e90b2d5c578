"""Anthropic's Messages -> the body of a chat; pure functions over the body.

Blocks become the messages, parts and calls of `/v1/chat/completions`, which alone leads to the
template and the engine. Answers to server_chat_convert_anthropic_to_oai in llama.cpp
`tools/server/server-chat.cpp`; docs/decisions/0001 says where the order of blocks and turns
differs.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from server.api.errors import InvalidRequest
from server.api.wire import Body
from server.schema import bodies

DEFAULT_MAX_TOKENS = 4096
DEFAULT_BUDGET = 10_000
EFFORTS = {"xhigh": "high", "max": "high"}
"""Templates know low, medium and high."""

PASSED = frozenset(
    name for row in bodies.MESSAGES.completion for name in (row.name, *row.aliases)
) | {"chat_template_kwargs"}

BILLING = re.compile(r"(x-anthropic-billing-header:[^\n]*?\bcch=)([^;\s]*)(?=;)")
"""A line that Claude Code puts before its system prompt; the value differs from call to call."""
SAME_FOR_ALL = "fffff"

CHOICES = {"auto": "auto", "any": "required", "none": "none"}

Json = dict[str, Any]

log = logging.getLogger(__name__)


@dataclass(slots=True)
class ChatBody:
    """The body of a chat, and where its messages and tools stand in Anthropic's."""

    body: Body = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    """For each message of the chat, the place that it comes from."""
    tools: list[int] = field(default_factory=list)

    def reworded(self, text: str) -> str:
        """An error about the chat as one about what the client sent."""
        text = re.sub(r"messages\[(\d+)\](\.content\[\d+\])?", self._message_place, text)
        text = re.sub(r"/tools/(\d+)/function/parameters", self._schema_place, text)
        return text.replace("response_format.", "output_config.format.")

    def _message_place(self, found: re.Match[str]) -> str:
        index = int(found[1])
        return self.messages[index] if index < len(self.messages) else found[0]

    def _schema_place(self, found: re.Match[str]) -> str:
        index = int(found[1])
        return f"/tools/{self.tools[index]}/input_schema" if index < len(self.tools) else found[0]


def chat_body(body: Mapping[str, Any], *, keeps_billing: bool) -> ChatBody:
    """A body whose fields were checked, as a chat. InvalidRequest.

    keeps_billing: leave the value in the billing header as it is, which no cached prefix survives.
    """
    chat = ChatBody({name: value for name, value in body.items() if name in PASSED})
    chat.body["messages"] = _messages(chat, body, keeps_billing)
    if body.get("tools") is not None:
        chat.body["tools"] = [*_tools(chat, body["tools"])]
    choice = _choice(body.get("tool_choice") or {})
    if choice.get("tool_choice") not in (None, "auto", "none") and not chat.tools:
        raise InvalidRequest("tool_choice: there are no tools to call")
    chat.body |= choice
    chat.body |= _thinking(body)
    chat.body |= _output(body)
    limit = body.get("max_tokens")
    chat.body["max_tokens"] = DEFAULT_MAX_TOKENS if limit is None else limit
    chat.body["stop"] = body.get("stop_sequences") or []
    return chat


def _messages(chat: ChatBody, body: Mapping[str, Any], keeps_billing: bool) -> list[Json]:
    found: list[Json] = []
    if body.get("system") is not None:
        found.append({"role": "system", "content": _system(body["system"], keeps_billing)})
        chat.messages.append("system")
    for i, role, content in _turns(body["messages"]):
        where = f"messages[{i}]"
        new = [*_of_turn(role, content, where)]
        chat.messages += [where] * len(new)
        found += new
    return found


def _system(given: str | Sequence[Json], keeps_billing: bool) -> str:
    """The text; blocks follow one another without anything between, as in the reference."""
    texts = [given] if isinstance(given, str) else [block["text"] for block in given]
    if not keeps_billing:
        texts = [_billed_alike(text) for text in texts]
    return "".join(texts)


def _billed_alike(text: str) -> str:
    found = BILLING.match(text)
    return text if found is None else found[1] + SAME_FOR_ALL + text[found.end() :]


def _turns(messages: Sequence[Json]) -> Iterator[tuple[int, str, str | list[Json]]]:
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


def _of_turn(role: str, content: str | list[Json], where: str) -> Iterator[Json]:
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
                self._reasoning += _needed(block, "thinking", place)
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
            return [_text(_needed(block, "text", place))]
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
        "tool_call_id": _needed(block, "tool_use_id", place),
        "content": "".join(part["text"] for part in parts) if is_text else parts,
    }


def _call(block: Json, place: str) -> Json:
    arguments = json.dumps(block.get("input") or {}, ensure_ascii=False, separators=(",", ":"))
    function = {"name": _needed(block, "name", place), "arguments": arguments}
    return {"id": _needed(block, "id", place), "type": "function", "function": function}


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
            return f"data:{media};base64,{_needed(source, 'data', f'{place}.source')}"
        case "url":
            return _needed(source, "url", f"{place}.source")
    raise InvalidRequest(f'{place}.source: unsupported type; use "base64" or "url"')


def _document(block: Json, place: str) -> list[Json]:
    source = _source(block, place)
    titles = [_text(block["title"])] if block.get("title") else []
    match source.get("type"):
        case "text":
            return [*titles, _text(_needed(source, "data", f"{place}.source"))]
        case "content":
            return [*titles, *_inner(source, f"{place}.source")]
    raise InvalidRequest(
        f'{place}.source: only documents of type "text" and "content" can be read; send the text '
        "of others"
    )


def _needed(block: Json, key: str, place: str) -> str:
    value = block.get(key)
    if not isinstance(value, str):
        raise InvalidRequest(f"{place}.{key}: a text is required")
    return value


def _tools(chat: ChatBody, tools: Sequence[Json]) -> Iterator[Json]:
    """The functions among the tools: what Anthropic's own servers do, nobody does here."""
    for i, tool in enumerate(tools):
        schema = tool.get("input_schema")
        if schema is None:
            if tool.get("type") in (None, "custom"):
                raise InvalidRequest(f"tools[{i}].input_schema: a JSON Schema is required")
            log.warning("tools[%d]: left out, type %.100r has no input_schema", i, tool["type"])
            continue
        chat.tools.append(i)
        function = {"name": tool["name"], "parameters": schema}
        if tool.get("description"):
            function["description"] = tool["description"]
        if tool.get("strict") is True:
            function["strict"] = True
        yield {"type": "function", "function": function}


def _choice(choice: Json) -> Body:
    found: Body = {}
    kind = choice.get("type")
    if kind == "tool":
        name = _needed(choice, "name", "tool_choice")
        found["tool_choice"] = {"type": "function", "function": {"name": name}}
    elif kind:
        found["tool_choice"] = CHOICES[kind]
    if choice.get("disable_parallel_tool_use") is True:
        found["parallel_tool_calls"] = False
    return found


def _thinking(body: Mapping[str, Any]) -> Body:
    """How much to think; the template's own wish where the client says nothing."""
    given = body.get("thinking") or {}
    kind = given.get("type")
    if kind not in ("enabled", "disabled"):
        return {}
    kwargs = {"enable_thinking": kind == "enabled", **(body.get("chat_template_kwargs") or {})}
    found: Body = {"chat_template_kwargs": kwargs}
    if kind == "enabled":
        found["thinking_budget_tokens"] = given.get("budget_tokens") or DEFAULT_BUDGET
    return found


def _output(body: Mapping[str, Any]) -> Body:
    config = body.get("output_config") or {}
    found: Body = {}
    if effort := config.get("effort"):
        found["reasoning_effort"] = EFFORTS.get(effort, effort)
    form = config.get("format") or body.get("output_format")
    if form:
        found["response_format"] = {"type": "json_schema", "schema": form["schema"]}
    return found
