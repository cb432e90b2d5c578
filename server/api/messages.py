"""Anthropic's dialect: `/v1/messages`, and counting the tokens of a conversation.

A conversation becomes a chat (`messages_body`), and what the chat gains becomes blocks
(`messages_blocks`). Answers to to_json_anthropic and its streaming form in llama.cpp
`tools/server/server-task.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager

from flask import Response

from server.api import answers
from server.api.chat_prompt import RenderedChat
from server.api.chat_prompt import make_chat_job
from server.api.chat_prompt import render_chat
from server.api.errors import ApiError
from server.api.errors import InvalidRequest
from server.api.generate import Format
from server.api.generate import Job
from server.api.generate import new_id
from server.api.generate import respond
from server.api.message_stream import MessageStream
from server.api.message_stream import reading_of
from server.api.messages_blocks import EVENT
from server.api.messages_blocks import BlockEvents
from server.api.messages_blocks import blocks_of
from server.api.messages_blocks import event
from server.api.messages_body import ChatBody
from server.api.messages_body import chat_body
from server.api.messages_errors import MESSAGES
from server.api.messages_errors import REQUEST_ID
from server.api.messages_errors import error_body
from server.api.messages_errors import request_id
from server.api.registry import Routes
from server.api.service import Service
from server.api.usage import Json
from server.api.wire import Body
from server.api.wire import aside
from server.api.wire import json_response
from server.api.wire import read_body
from server.chat.errors import ChatError
from server.engine.task import Finished
from server.engine.task import Progress
from server.engine.task import StopType
from server.engine.task import Timings
from server.engine.task import Token
from server.schema import SchemaError
from server.schema import bodies
from server.schema import openai_chat_body

routes = Routes("messages", root="/v1/messages", errors=MESSAGES)

PING = event("ping", {})


@routes.post("/v1/messages", takes=bodies.MESSAGES, gives=answers.MESSAGE)
def messages(service: Service) -> Response:
    """Answer a conversation, in Anthropic's terms."""
    body = read_body(bodies.MESSAGES)
    chat = _chat(service, body)
    with _in_its_words(chat):
        native = openai_chat_body(chat.body)
        rendered = render_chat(service, chat.body)
        job = make_chat_job(service, native, rendered, new_id("msg_"))
    response = respond(service, job, MessagesFormat(job, body, request_id()))
    response.headers[REQUEST_ID] = request_id()
    return response


@routes.post(
    "/v1/messages/count_tokens", takes=bodies.COUNTED_MESSAGES, gives=answers.COUNTED_TOKENS
)
def count_tokens(service: Service) -> Response:
    """How many tokens the prompt of a conversation has, in Anthropic's terms."""
    chat = _chat(service, read_body(bodies.COUNTED_MESSAGES))
    with _in_its_words(chat):
        openai_chat_body(chat.body)
        n = _n_tokens(service, render_chat(service, chat.body))
    response = json_response({"input_tokens": n})
    response.headers[REQUEST_ID] = request_id()
    return response


def _chat(service: Service, body: Body) -> ChatBody:
    keeps_billing = service.settings.chat.keep_billing_header
    return aside(lambda: chat_body(body, keeps_billing=keeps_billing))


def _n_tokens(service: Service, chat: RenderedChat) -> int:
    tokenizer, prompt = service.model().tokenizer, str(chat.fields["prompt"])
    return len(aside(lambda: tokenizer.tokenize(prompt, add_special=True, parse_special=True)))


@contextmanager
def _in_its_words(chat: ChatBody) -> Iterator[None]:
    """Have errors name what the client sent, not what became of it."""
    try:
        yield
    except (ChatError, InvalidRequest, SchemaError) as error:
        if isinstance(error, ApiError) and error.extra:
            raise
        raise InvalidRequest(chat.reworded(str(error))) from None


class MessagesFormat(Format):
    """Events as Anthropic's; there is one answer only."""

    ping = PING

    def __init__(self, job: Job, body: Body, asked: str) -> None:
        """body: what the client sent. asked: the id of its request."""
        self._job = job
        self._asked = asked
        stops = body.get("stop_sequences")
        self._stops = stops if isinstance(stops, list) else []
        thinking = body.get("thinking")
        self._shows_thoughts = not (
            isinstance(thinking, dict) and thinking.get("display") == "omitted"
        )
        # what the client began itself is no part of the answer
        self._stream = MessageStream(reading_of(job), shows_begun=False)
        self._blocks = BlockEvents(shows_thoughts=self._shows_thoughts)
        self._has_begun = False

    def token(self, event: Token, index: int) -> bytes:
        """The events of a token; none while its text is held back."""
        begin = self._begin(event.timings)
        return begin + self._blocks.push(self._stream.push(event.text))

    def _begin(self, timings: Timings) -> bytes:
        if self._has_begun:
            return b""
        self._has_begun = True
        usage = usage_json(len(self._job.tasks[0].prompt), timings, n_decoded=0)
        message = self._message([], None, None, usage)
        return event("message_start", {"message": message}) + PING

    def progress(self, event: Progress, index: int) -> bytes:
        """A ping: there is no event for it."""
        return PING

    def last(self, event: Finished, index: int) -> bytes:
        """What was held back, why it ended, and the usage."""
        return self._begin(event.timings) + self._blocks.push(
            self._stream.finish(event.text)
        ) + self._blocks.finish() + self._end(event)  # fmt: skip

    def _end(self, finished: Finished) -> bytes:
        reason, sequence = self._reason(finished)
        delta = {"stop_reason": reason, "stop_sequence": sequence}
        usage = usage_json(finished.n_prompt, finished.timings, finished.timings.n_decoded)
        end = event("message_delta", {"delta": delta, "usage": usage})
        return end + event("message_stop", {})

    def whole(self, events: Sequence[Finished]) -> object:
        """The message."""
        (finished,) = events
        deltas = self._stream.finish(finished.text)
        blocks = blocks_of(deltas, shows_thoughts=self._shows_thoughts)
        usage = usage_json(finished.n_prompt, finished.timings, finished.timings.n_decoded)
        return self._message(blocks, *self._reason(finished), usage)

    def error(self, error: ApiError) -> bytes:
        """An `error` event."""
        return EVENT % (b"error", error_body(error, self._asked))

    def _message(
        self, blocks: Sequence[Json], reason: str | None, sequence: str | None, usage: Json
    ) -> Json:
        return {
            "id": self._job.id,
            "type": "message",
            "role": "assistant",
            "content": blocks,
            "model": self._job.model.name,
            "stop_reason": reason,
            "stop_sequence": sequence,
            "usage": usage,
        }

    def _reason(self, finished: Finished) -> tuple[str, str | None]:
        """Why it ended, and at which of the client's texts."""
        if finished.stop_type is StopType.WORD and finished.stopping_word in self._stops:
            return "stop_sequence", finished.stopping_word
        if finished.stop_type not in (StopType.WORD, StopType.EOS):
            return "max_tokens", None
        return "tool_use" if self._stream.has_calls else "end_turn", None


def usage_json(n_prompt: int, timings: Timings, n_decoded: int) -> Json:
    """`usage`: tokens that were cached are not counted as input. Nothing is paid for caching."""
    return {
        "input_tokens": n_prompt - timings.n_prompt_cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": timings.n_prompt_cached,
        "output_tokens": n_decoded,
    }
