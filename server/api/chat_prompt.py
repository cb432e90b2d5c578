"""A chat request -> the prompt, and the native fields that the template decides.

Joins the request, the server's settings and `server/chat`, which knows neither. Answers to the
second half of oaicompat_chat_params_parse in llama.cpp `tools/server/server-common.cpp`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from server.api.errors import InvalidRequest
from server.api.reasoning import reasoning_fields
from server.api.service import Service
from server.api.wire import Body
from server.api.wire import bool_field
from server.chat.message import Message
from server.chat.message import parse_messages
from server.chat.prompt import ChatRequest
from server.chat.prompt import Continuation
from server.chat.prompt import begun_text
from server.chat.prompt import check_continued
from server.chat.prompt import render
from server.chat.prompt import wants_continuation
from server.chat.turns import turn_places
from server.options.settings import ChatSettings

CONTINUE = "continue_final_message"
CONTINUATIONS = {
    "content": Continuation.CONTENT,
    "reasoning_content": Continuation.REASONING,
}


@dataclass(frozen=True, slots=True)
class RenderedChat:
    """A rendered chat. fields: `prompt` and its companions, under their native names."""

    fields: Body
    prefill: str = ""
    """The text of the assistant's message that is to be continued."""
    turns: tuple[int, ...] = ()
    """Where messages begin in the prompt, in characters, if the model's memory can't be cut."""


def render_chat(service: Service, body: Body) -> RenderedChat:
    """Apply the model's template. InvalidRequest, ChatError."""
    settings = service.settings.chat
    messages = parse_messages(body)
    continues = _continues(body, messages, settings)
    request = ChatRequest(
        messages,
        datetime.now(),
        add_generation_prompt=bool_field(body, "add_generation_prompt", True),
        continues=continues,
        kwargs=_template_kwargs(body, settings),
    )
    prompt = render(service.model().template, request)
    prefill = begun_text(messages[-1], continues) if messages else ""
    fields: Body = {
        "prompt": prompt.text,
        "generation_prompt": prompt.generation_prompt + prefill,
        **reasoning_fields(service.model().template.reasoning_tags, body, request.kwargs, settings),
    }
    can_cut = service.model().info.can_cut
    return RenderedChat(fields, prefill, () if can_cut else turn_places(prompt.text, messages))


def _continues(body: Body, messages: Sequence[Message], settings: ChatSettings) -> Continuation:
    """What of the last message is continued, because the request or the server says so."""
    wish = body.get(CONTINUE)
    asked = Continuation.NONE
    if wish is True:
        asked = Continuation.AUTO
    elif isinstance(wish, str):
        asked = CONTINUATIONS.get(wish, asked)
    if asked is not Continuation.NONE:
        if bool_field(body, "add_generation_prompt", True):
            raise InvalidRequest(f"Cannot set both add_generation_prompt and {CONTINUE} to true.")
        check_continued(messages)
        return asked
    if settings.prefill_assistant and wants_continuation(messages):
        return Continuation.AUTO
    return Continuation.NONE


def _template_kwargs(body: Body, settings: ChatSettings) -> dict[str, object]:
    """The template's variables: those of the server, then those of the request."""
    given = body.get("chat_template_kwargs")
    if given is not None and not isinstance(given, dict):
        raise InvalidRequest("Field 'chat_template_kwargs': expected an object")
    kwargs = settings.template_kwargs | (given or {})
    if isinstance(kwargs.get("enable_thinking"), str):
        raise InvalidRequest('invalid type for "enable_thinking" (expected boolean, got string)')
    effort = body.get("reasoning_effort")
    if effort == "none":
        kwargs["enable_thinking"] = False
        kwargs.pop("reasoning_effort", None)
    elif isinstance(effort, str) and effort:
        kwargs["reasoning_effort"] = effort
    return kwargs
