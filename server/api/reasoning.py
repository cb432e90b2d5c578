"""How much a chat may think: the native fields that limit it, and ending it while it runs.

Answers to the reasoning budget in oaicompat_chat_params_parse of llama.cpp
`tools/server/server-common.cpp`, and to post_control of `server-context.cpp`.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response

from server.api import answers
from server.api.errors import InvalidRequest
from server.api.errors import Unavailable
from server.api.registry import Routes
from server.api.service import Service
from server.api.wire import Body
from server.api.wire import json_response
from server.api.wire import read_body
from server.chat.formats.format import Format
from server.chat.grammar.calls import triggers_of
from server.engine.task import ReasoningEnded
from server.options.settings import ChatSettings
from server.schema import bodies

routes = Routes("reasoning")

ANSWER_S = 60.0
"""How long a step of the engine may take."""
TOKENS = "reasoning_budget_tokens"
MESSAGE = "reasoning_budget_message"


def reasoning_fields(
    fmt: Format, body: Body, kwargs: Mapping[str, object], settings: ChatSettings
) -> Body:
    """What the engine has to know of a chat's reasoning; empty where it does not think.

    kwargs: the variables of the template, which may switch thinking off.
    """
    tags = fmt.reasoning
    if tags is None or kwargs.get("enable_thinking") is False:
        return {}
    tokens = body.get(TOKENS)
    if tokens is None:
        tokens = body.get("thinking_budget_tokens")
    if tokens is None or tokens == -1:
        tokens = settings.reasoning_budget
    message = body.get(MESSAGE)
    return {
        "reasoning_budget_start_tag": tags.start,
        "reasoning_budget_end_tags": [tags.end, *_call_starts(fmt)],
        TOKENS: tokens,
        MESSAGE: settings.reasoning_budget_message if message is None else message,
    }


def _call_starts(fmt: Format) -> list[str]:
    """Where calls end thoughts, what they begin with."""
    if fmt.reasoning is None or not fmt.reasoning.ends_at_call or fmt.calls is None:
        return []
    return [text for text, kind in triggers_of(fmt.calls) if kind == "section"]


@routes.post("/v1/chat/completions/control", takes=bodies.CONTROL, gives=answers.CONTROLLED)
def control(service: Service) -> Response:
    """End the reasoning of a running chat completion."""
    body = read_body(bodies.CONTROL)
    cmpl_id = body.get("id")
    if not isinstance(cmpl_id, str) or not cmpl_id:
        raise InvalidRequest("missing completion id")
    if body.get("action") != "reasoning_end":
        raise InvalidRequest("unknown control action; the only one is reasoning_end")
    service.check_ready()
    with service.engine.end_reasoning(cmpl_id) as request:
        event = request.get(ANSWER_S)
    if not isinstance(event, ReasoningEnded):
        raise Unavailable("The engine has stopped")
    said = {"message": event.message} if event.message else {}
    return json_response({"success": event.is_done, **said})
