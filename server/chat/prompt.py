"""One conversation -> the prompt that the model continues.

Normalises messages for what the template understands, renders, and finds the generation prompt.
Answers to common_chat_templates_apply_jinja in llama.cpp `common/chat.cpp`. Families with a format
of their own are not known here (`formats/`).
"""

from __future__ import annotations

import json
import os.path
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from typing import Any

from server.chat.capabilities import TemplateCaps
from server.chat.errors import MessagesError
from server.chat.message import Message
from server.chat.template import CHATML
from server.chat.template import ChatTemplate


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What is to be rendered. `now` is handed in, so that rendering is a pure function."""

    messages: Sequence[Message]
    now: datetime
    tools: Sequence[Mapping[str, Any]] = ()
    add_generation_prompt: bool = True
    continues: bool = False
    """The last message is the assistant's and is to be continued."""
    enable_thinking: bool = True
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """chat_template_kwargs."""


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """The rendered prompt, and its tail that opens the assistant's turn."""

    text: str
    generation_prompt: str


def choose_source(model_template: str | None, override: str) -> str:
    """The template to use: the operator's, the model's own, or ChatML."""
    source = override or model_template or ""
    return CHATML if source in ("", "chatml") else source


def wants_continuation(messages: Sequence[Message]) -> bool:
    """Whether the last message is an assistant's beginning. MessagesError where that is unclear."""
    if not messages or messages[-1]["role"] != "assistant":
        return False
    if len(messages) >= 2 and messages[-2]["role"] == "assistant":
        raise MessagesError("Cannot have 2 or more assistant messages at the end of the list.")
    if messages[-1].get("tool_calls"):
        raise MessagesError("Cannot continue an assistant message that contains tool calls.")
    return True


def render(template: ChatTemplate, request: ChatRequest) -> ChatPrompt:
    """The prompt of a conversation. TemplateError where the template refuses it."""
    messages = list(request.messages)
    begun = messages.pop() if request.continues else None
    messages = _normalise(messages, template)
    opened = _apply(template, request, messages, add_generation_prompt=True)
    closed = _apply(template, request, messages, add_generation_prompt=False)
    generation_prompt = opened[len(os.path.commonprefix([opened, closed])) :]
    if begun is not None:
        return ChatPrompt(opened + _joined(begun["content"]), generation_prompt)
    return ChatPrompt(opened if request.add_generation_prompt else closed, generation_prompt)


def _apply(
    template: ChatTemplate,
    request: ChatRequest,
    messages: list[Message],
    *,
    add_generation_prompt: bool,
) -> str:
    variables: dict[str, Any] = {
        "messages": messages,
        "enable_thinking": request.enable_thinking,
        "add_generation_prompt": add_generation_prompt,
    }
    if request.tools:
        variables["tools"] = list(request.tools)
    return template.render(variables | dict(request.kwargs), request.now)


def _normalise(messages: list[Message], template: ChatTemplate) -> list[Message]:
    """Messages as this template understands them; the given ones are not changed."""
    caps = template.caps
    normal = [_normal_message(message, caps) for message in messages]
    if "<|channel|>" not in template.source:
        for message in normal:
            if message["role"] == "developer":
                message["role"] = "system"
    if not caps.supports_system_role and normal and normal[0]["role"] == "system":
        system = normal.pop(0)
        if normal:
            first = normal[0]
            first["content"] = _joined(system["content"]) + "\n" + _joined(first["content"])
    return normal


def _normal_message(message: Message, caps: TemplateCaps) -> Message:
    normal = dict(message)
    content = normal["content"]
    if isinstance(content, list) and not caps.supports_typed_content:
        normal["content"] = _joined(content)
    elif isinstance(content, str) and not caps.supports_string_content:
        normal["content"] = [{"type": "text", "text": content}]
    elif content is None and (caps.supports_tool_calls or "tool_calls" not in normal):
        normal["content"] = ""
    if caps.supports_object_arguments and "tool_calls" in normal:
        normal["tool_calls"] = [_with_object_arguments(call) for call in normal["tool_calls"]]
    return normal


def _with_object_arguments(call: Mapping[str, Any]) -> dict[str, Any]:
    function = dict(call["function"])
    try:
        function["arguments"] = json.loads(function["arguments"] or "{}")
    except ValueError:
        name = function["name"]
        raise MessagesError(f"tool_calls: the arguments of {name!r} are not JSON") from None
    return {**call, "function": function}


def _joined(content: object) -> str:
    """Text parts as one text, a line each."""
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content)
    return str(content or "")
