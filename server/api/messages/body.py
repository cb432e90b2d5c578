"""Anthropic's Messages -> the body of a chat; pure functions over the body.

The chat is that of `/v1/chat/completions`, which alone leads to the template and the engine.
Answers to server_chat_convert_anthropic_to_oai in llama.cpp `tools/server/server-chat.cpp`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from server.api.errors import InvalidRequest
from server.api.messages.turns import messages_of
from server.api.messages.turns import needed
from server.api.messages.turns import turns_of
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
    for i, role, content in turns_of(body["messages"]):
        where = f"messages[{i}]"
        new = [*messages_of(role, content, where)]
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
        name = needed(choice, "name", "tool_choice")
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
