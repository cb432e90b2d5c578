"""One conversation -> the prompt that the model continues.

Normalises messages for what the template understands, renders, and finds the generation prompt.
Answers to common_chat_templates_apply_jinja in llama.cpp `common/chat.cpp`. What single families
want is in `formats/`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timezone
from enum import Enum
from typing import Any

from server.chat.builtin import BUILTIN
from server.chat.capabilities import KEEP_REASONING
from server.chat.capabilities import TemplateCaps
from server.chat.errors import MessagesError
from server.chat.formats.format import Format
from server.chat.message import Message
from server.chat.message import content_text
from server.chat.message import is_empty
from server.chat.reasoning import shared_length
from server.chat.template import ChatTemplate


class Continuation(Enum):
    """What of the last message, which is the assistant's, is to be continued."""

    NONE = "none"
    """Nothing: the conversation ends with it."""
    AUTO = "auto"
    """Its reasoning if it has reasoning and nothing else, or its content."""
    CONTENT = "content"
    REASONING = "reasoning_content"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What is to be rendered. `now` is handed in, so that rendering is a pure function."""

    messages: Sequence[Message]
    now: datetime
    tools: Sequence[Mapping[str, Any]] = ()
    add_generation_prompt: bool = True
    continues: Continuation = Continuation.NONE
    enable_thinking: bool | None = None
    """None: if the template has room for it."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """chat_template_kwargs."""
    schema: object = None
    """The schema of the answer, if it must have one."""


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """The rendered prompt, and its tail that opens the assistant's turn.

    Where a message is continued, the tail ends before that message's content, with its reasoning.
    """

    text: str
    generation_prompt: str

    def opening(self, fmt: Format) -> str:
        """The tail, or the tag with which thoughts begin where every prompt ends with it."""
        start = fmt.reasoning.start.strip() if fmt.reasoning else ""
        if start and start not in self.generation_prompt and self.text.rstrip().endswith(start):
            return start
        return self.generation_prompt


def choose_source(model_template: str | None, override: str) -> str:
    """The template to use: the operator's, the model's own, or ChatML."""
    source = override or model_template or "chatml"
    return BUILTIN.get(source, source)


def try_source(override: str) -> None:
    """Compile an operator's template and render the smallest chat. ChatError if that fails."""
    template = ChatTemplate(choose_source(None, override))
    now = datetime.fromtimestamp(0, tz=timezone.utc)
    render(template, ChatRequest([{"role": "user", "content": "test"}], now))


def wants_continuation(messages: Sequence[Message]) -> bool:
    """Whether the last message is an assistant's beginning. MessagesError where that is unclear."""
    if not messages or messages[-1]["role"] != "assistant":
        return False
    if len(messages) >= 2 and messages[-2]["role"] == "assistant":
        raise MessagesError("Cannot have 2 or more assistant messages at the end of the list.")
    if messages[-1].get("tool_calls"):
        raise MessagesError("Cannot continue an assistant message that contains tool calls.")
    return True


def check_continued(messages: Sequence[Message]) -> None:
    """Whether the last message can be continued, as a request wants explicitly. MessagesError."""
    if messages and messages[-1]["role"] != "assistant":
        role = messages[-1]["role"]
        raise MessagesError(
            f"continue_final_message: the last message is of role {role!r}; only the assistant's "
            "can be continued"
        )
    if messages and messages[-1].get("tool_calls"):
        raise MessagesError("Cannot continue an assistant message that contains tool calls.")


def begun_text(begun: Message, continues: Continuation) -> str:
    """The content that is continued, as it stands in the prompt."""
    if continues is Continuation.NONE or _is_inside_reasoning(begun, continues):
        return ""
    return content_text(begun, "\n\n")


def _is_inside_reasoning(begun: Message, continues: Continuation) -> bool:
    if continues is Continuation.AUTO:
        return bool(begun.get("reasoning_content")) and not begun["content"]
    return continues is Continuation.REASONING


def render(template: ChatTemplate, request: ChatRequest) -> ChatPrompt:
    """The prompt of a conversation. TemplateError where the template refuses it."""
    messages = list(request.messages)
    continues = request.continues
    begun = messages.pop() if continues is not Continuation.NONE and messages else None
    variables = _variables(template, request, messages)
    opened = template.render(variables | {"add_generation_prompt": True}, request.now)
    closed = template.render(variables, request.now)
    generation_prompt = opened[shared_length(opened, closed) :]
    if template.family:
        whole = template.family.end(opened, True)
        generation_prompt += whole[len(opened) :]
        opened, closed = whole, template.family.end(closed, False)
    if continues is Continuation.NONE:
        text = opened if request.add_generation_prompt else closed
        return ChatPrompt(text, generation_prompt)
    if begun is None or is_empty(begun):
        return ChatPrompt(closed, generation_prompt)
    inside = _is_inside_reasoning(begun, continues)
    generation_prompt = _with_reasoning(template.format, generation_prompt, begun, inside)
    text = closed + generation_prompt + begun_text(begun, continues)
    return ChatPrompt(text, generation_prompt)


def _with_reasoning(fmt: Format, generation_prompt: str, begun: Message, inside: bool) -> str:
    """The opening of the assistant's turn, up to where the begun message's content belongs."""
    after = "" if inside else fmt.before_content
    if fmt.reasoning is None:
        return generation_prompt + fmt.before_content
    if not fmt.reasoning.start:
        return generation_prompt + after
    start, end = fmt.reasoning.start, fmt.reasoning.end
    thoughts = str(begun.get("reasoning_content", ""))
    opening = generation_prompt.partition(start.strip())[0].removesuffix(fmt.reasoning.none)
    if fmt.reasoning.none and not thoughts:
        return opening + fmt.reasoning.none + after
    opening += start + thoughts
    return opening if inside else opening + end + after


def _variables(
    template: ChatTemplate, request: ChatRequest, messages: list[Message]
) -> dict[str, Any]:
    """What the template sees, but for add_generation_prompt."""
    thinks = request.enable_thinking
    if thinks is None:
        thinks = template.format.reasoning is not None
    normal = _normalise(messages, template)
    family = template.family
    variables: dict[str, Any] = {
        "messages": family.adapt(normal) if family else normal,
        "enable_thinking": thinks,
    }
    if request.tools:
        variables["tools"] = list(request.tools)
    variables |= request.kwargs
    keeps = variables.get("preserve_reasoning")
    if isinstance(keeps, bool):
        # each family of templates has its own name for it
        variables |= {name: value is keeps for name, value in KEEP_REASONING.items()}
    if family and family.schema_variable and request.schema is not None:
        variables[family.schema_variable] = request.schema
    effort = variables.get("reasoning_effort")
    if isinstance(effort, str) and effort:
        variables["reasoning_strength"] = effort
    return variables


def _normalise(messages: list[Message], template: ChatTemplate) -> list[Message]:
    """Messages as this template understands them; the given ones are not changed."""
    caps = template.caps
    normal = [_normal_message(message, caps) for message in messages]
    # a template with channels tells developers from the system
    if "<|channel|>" not in template.source:
        for message in normal:
            if message["role"] == "developer":
                message["role"] = "system"
    if not caps.supports_system_role and normal and normal[0]["role"] == "system":
        system = normal.pop(0)
        if normal:
            normal[0] = _with_text_before(normal[0], content_text(system, "\n"))
    return normal


def _normal_message(message: Message, caps: TemplateCaps) -> Message:
    normal = dict(message)
    content = normal["content"]
    if caps.supports_string_content != caps.supports_typed_content:
        if caps.supports_string_content:
            normal["content"] = content_text(message, "\n")
        elif isinstance(content, str):
            normal["content"] = [{"type": "text", "text": content}]
    if caps.supports_object_arguments and "tool_calls" in normal:
        normal["tool_calls"] = [_with_object_arguments(call) for call in normal["tool_calls"]]
    return normal


def _with_text_before(message: Message, text: str) -> Message:
    content = message["content"]
    if isinstance(content, list):
        return message | {"content": [{"type": "text", "text": text + "\n"}, *content]}
    return message | {"content": f"{text}\n{content}"}


def _with_object_arguments(call: Mapping[str, Any]) -> dict[str, Any]:
    function = dict(call["function"])
    try:
        function["arguments"] = json.loads(function["arguments"])
    except ValueError:
        name = function["name"]
        raise MessagesError(f"tool_calls: the arguments of {name!r} are not JSON") from None
    return {**call, "function": function}
