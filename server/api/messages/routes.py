"""Anthropic's dialect: `/v1/messages`, and counting the tokens of a conversation.

Answers to post_anthropic_messages and handle_count_tokens in llama.cpp
`tools/server/server-context.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Response

from server.api.chat_prompt import chat_job
from server.api.chat_prompt import count_chat_tokens
from server.api.errors import ApiError
from server.api.errors import InvalidRequest
from server.api.generate import respond
from server.api.ids import new_id
from server.api.messages.answers import COUNTED_TOKENS
from server.api.messages.answers import MESSAGE
from server.api.messages.body import ChatBody
from server.api.messages.body import chat_body
from server.api.messages.errors import MESSAGES
from server.api.messages.errors import REQUEST_ID
from server.api.messages.errors import request_id
from server.api.messages.form import MessagesFormat
from server.api.registry import Routes
from server.api.service import Service
from server.api.wire import Body
from server.api.wire import aside
from server.api.wire import json_response
from server.api.wire import read_body
from server.chat.errors import ChatError
from server.schema import SchemaError
from server.schema import bodies

routes = Routes("messages", "/v1/messages", MESSAGES)


@routes.post("/v1/messages", takes=bodies.MESSAGES, gives=MESSAGE)
def messages(service: Service) -> Response:
    """Answer a conversation, in Anthropic's terms."""
    body = read_body(bodies.MESSAGES)
    chat = _chat(service, body)
    with _in_its_words(chat):
        job = chat_job(service, chat.body, new_id("msg_"))
    response = respond(service, job, MessagesFormat(job, body, request_id()))
    response.headers[REQUEST_ID] = request_id()
    return response


@routes.post("/v1/messages/count_tokens", takes=bodies.COUNTED_MESSAGES, gives=COUNTED_TOKENS)
def count_tokens(service: Service) -> Response:
    """How many tokens the prompt of a conversation has, in Anthropic's terms."""
    chat = _chat(service, read_body(bodies.COUNTED_MESSAGES))
    with _in_its_words(chat):
        n = count_chat_tokens(service, chat.body)
    response = json_response({"input_tokens": n})
    response.headers[REQUEST_ID] = request_id()
    return response


def _chat(service: Service, body: Body) -> ChatBody:
    keeps_billing = service.settings.chat.keep_billing_header
    return aside(lambda: chat_body(body, keeps_billing=keeps_billing))


@contextmanager
def _in_its_words(chat: ChatBody) -> Iterator[None]:
    """Have errors name what the client sent, not what became of it."""
    try:
        yield
    except (ChatError, InvalidRequest, SchemaError) as error:
        if isinstance(error, ApiError) and error.extra:
            raise
        raise InvalidRequest(chat.reworded(str(error))) from None
