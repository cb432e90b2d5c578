"""A chat request -> the prompt, and the native fields that the template decides.

Joins the request, the server's settings and `server/chat`, which knows neither. Answers to the
second half of oaicompat_chat_params_parse in llama.cpp `tools/server/server-common.cpp`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from datetime import datetime

from server.api.chat_output import ChatOutput
from server.api.chat_output import chat_output
from server.api.chat_output import thinking_budget
from server.api.errors import InvalidRequest
from server.api.job import Job
from server.api.job import make_job
from server.api.reasoning import TOKENS
from server.api.reasoning import reasoning_fields
from server.api.service import Model
from server.api.service import Service
from server.api.wire import Body
from server.api.wire import aside
from server.api.wire import bool_field
from server.chat.message import Message
from server.chat.message import parse_messages
from server.chat.prompt import ChatRequest
from server.chat.prompt import Continuation
from server.chat.prompt import begun_text
from server.chat.prompt import check_continued
from server.chat.prompt import render
from server.chat.prompt import wants_continuation
from server.chat.template import ChatTemplate
from server.chat.tools import Choice
from server.chat.tools import ToolRequest
from server.chat.tools import parse_tools
from server.chat.turns import turn_places
from server.options.settings import ChatSettings
from server.schema import answer_rule
from server.schema import openai_chat_body

CONTINUE = "continue_final_message"
CONTINUATIONS = {
    "content": Continuation.CONTENT,
    "reasoning_content": Continuation.REASONING,
}


def chat_job(service: Service, body: Body, job_id: str = "") -> Job:
    """The job of the body of a chat, in all dialects that come to one. job_id: "" = a new one."""
    native = openai_chat_body(body)
    return make_chat_job(service, native, render_chat(service, body), job_id)


def count_chat_tokens(service: Service, body: Body) -> int:
    """How many tokens the prompt of a chat has. It is refused for what its job would be."""
    openai_chat_body(body)
    prompt = str(render_chat(service, body).fields["prompt"])
    tokenizer = service.model().tokenizer
    return len(aside(lambda: tokenizer.tokenize(prompt, add_special=True, parse_special=True)))


@dataclass(frozen=True, slots=True)
class RenderedChat:
    """A rendered chat. fields: `prompt` and its companions, under their native names."""

    fields: Body
    prefill: str = ""
    """The text of the assistant's message that is to be continued."""
    output: ChatOutput | None = None
    """How the answer is read; None: all of it is content."""
    turns: tuple[int, ...] = ()
    """Where messages begin in the prompt, in characters, if the model's memory can't be cut."""


def render_chat(service: Service, body: Body) -> RenderedChat:
    """Apply the model's template. InvalidRequest, ChatError."""
    settings, model = service.settings.chat, service.model()
    messages = parse_messages(body)
    template, tools = _tools(model, body, settings)
    continues = _continues(body, messages, settings)
    kwargs = _template_kwargs(body, settings)
    _, is_json = answer_rule(body)
    request = ChatRequest(
        messages,
        datetime.now(),
        tools=tools.definitions,
        add_generation_prompt=bool_field(body, "add_generation_prompt", True),
        continues=continues,
        kwargs=kwargs,
        schema=_schema(body) if is_json else None,
    )
    prompt = render(template, request)
    prefill = begun_text(messages[-1], continues) if messages else ""
    fields: Body = {
        "prompt": prompt.text,
        "generation_prompt": prompt.opening(template.format) + prefill,
        **reasoning_fields(template.format, body, kwargs, settings),
    }
    output = None
    if not settings.skip_chat_parsing:
        may_think = kwargs.get("enable_thinking") is not False
        output = chat_output(template, body, tools, prompt, prefill, may_think)
        fields |= output.fields
        if tools.choice is Choice.REQUIRED and fields.get(TOKENS) == -1:
            fields[TOKENS] = thinking_budget(body, model.info.n_ctx_slot)
    places = () if model.info.can_cut else turn_places(prompt.text, messages)
    return RenderedChat(fields, prefill, output, places)


def _tools(model: Model, body: Body, settings: ChatSettings) -> tuple[ChatTemplate, ToolRequest]:
    """The tools of a request, and the template that shows them."""
    tools = parse_tools(body)
    if not settings.jinja and (tools.definitions or body.get("tool_choice") not in (None, "auto")):
        raise InvalidRequest("tools and tool_choice need --jinja, which this server switched off")
    if not tools.definitions:
        return model.template, tools
    template = model.tool_template
    if body.get("parallel_tool_calls") is None:
        tools = replace(tools, is_parallel=template.caps.supports_parallel_tool_calls)
    return template, tools


def _schema(body: Body) -> object:
    """The schema of the answer, as templates may show it."""
    wish = body.get("json_schema")
    given = body.get("response_format")
    if isinstance(given, dict):
        nested = given.get("json_schema")
        holder = nested if isinstance(nested, dict) and "schema" in nested else given
        wish = holder.get("schema", wish) or {"type": "object"}
    return wish if wish else None


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


def make_chat_job(service: Service, native: Body, chat: RenderedChat, job_id: str = "") -> Job:
    """The job of a rendered chat. native: its body in native terms. job_id: "" = a new one."""
    body = native | chat.fields
    if chat.output is None:
        return make_job(service, body, job_id=job_id, prefill=chat.prefill, turns=chat.turns)
    stops = chat.output.reading.format.stops
    given = native.get("stop")
    # a grammar that holds from the start ends the answer itself, and thoughts are free
    is_lazy = chat.output.constraint is None or bool(chat.output.constraint.triggers)
    if stops and is_lazy and (given is None or isinstance(given, (list, tuple))):
        body["stop"] = [*(given or ()), *stops]
    return make_job(
        service,
        body,
        job_id=job_id,
        prefill=chat.prefill,
        turns=chat.turns,
        constraint=chat.output.constraint,
        reading=chat.output.reading,
    )
