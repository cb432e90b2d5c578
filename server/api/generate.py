"""Tasks -> events -> an answer: what all completion dialects share.

A dialect makes a `Job` (`job`) and hands it to `respond` with its `Format`, which turns events into
JSON. Errors that can be known before anything is sent leave as exceptions, with a status of their
own; later ones become an `error` event in the stream. Answers to handle_completions_impl of
llama.cpp `tools/server/server-context.cpp`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import Protocol

from flask import Response
from flask import request as http

from server.api import sse
from server.api import streams
from server.api.errors import ApiError
from server.api.errors import ClientGone
from server.api.errors import error_body
from server.api.errors import error_from
from server.api.errors import unexpected
from server.api.job import Job
from server.api.service import Service
from server.api.session import Session
from server.api.trace import current_trace
from server.api.wire import json_response
from server.engine.task import Event
from server.engine.task import Failed
from server.engine.task import Finished
from server.engine.task import Progress
from server.engine.task import Token

FIRST_EVENT_S = 0.02
"""How long the headers of a stream wait for the engine's refusal, so that it gets its status."""

Keep = Callable[[Iterator[bytes], Callable[[], None]], Response]
"""(the chunks of a stream, what cancels it) -> the answer to its client."""


class Format(Protocol):
    """How a dialect renders events. `index` is the place of the event's task in the job.

    Dialects inherit from it what they say as llama-server does.
    """

    done: bytes = b""
    """What ends a stream."""

    ping: bytes = sse.COMMENT
    """What keeps a silent stream alive."""

    def token(self, event: Token, index: int) -> bytes:
        """Zero or more SSE events for a token."""
        ...

    def progress(self, event: Progress, index: int) -> bytes:
        """SSE events for a step of the prefill."""
        ...

    def last(self, event: Finished, index: int) -> bytes:
        """SSE events for the end of a task."""
        ...

    def whole(self, events: Sequence[Finished]) -> object:
        """The answer that is not streamed, from the results in order."""
        ...

    def error(self, error: ApiError) -> bytes:
        """The SSE events that end a stream which can't go on."""
        return sse.event_of(error_body(error))


def respond(service: Service, job: Job, form: Format) -> Response:
    """Run a job and answer it, streamed or not as its parameters say."""
    key = streams.conversation_id() if job.params.stream else ""
    if key:
        return respond_kept(service, job, form, partial(streams.keep, service, key))
    session = _session(service, job)
    if not job.params.stream:
        with closing(session):
            return json_response(form.whole(_collect(session)))
    return sse.stream_response(_stream(session, job, form), session.close)


def respond_kept(service: Service, job: Job, form: Format, keep: Keep) -> Response:
    """Run a streamed job that goes on without its client. keep: takes it over, and answers."""
    session = _session(service, job, is_kept=True)
    chunks = _stream(session, job, form)
    try:
        return keep(chunks, session.cancel)
    except BaseException:
        session.close()
        raise


def _session(service: Service, job: Job, *, is_kept: bool = False) -> Session:
    trace = current_trace()
    if trace is not None:
        trace.asked(job.id, job.tasks)
    request = service.engine.submit(job.tasks)
    return Session(service, request, [task.id for task in job.tasks], is_kept=is_kept)


def _collect(session: Session) -> list[Finished]:
    """Wait for every task; the first failure is the answer to all of them."""
    results: dict[int, Finished] = {}
    while not session.is_done:
        event = session.get(None)
        if isinstance(event, Failed):
            raise error_from(event)
        if isinstance(event, Finished):
            results[session.index(event)] = event
    return [results[i] for i in sorted(results)]


def _stream(session: Session, job: Job, form: Format) -> Iterator[bytes]:
    """The body of a streamed answer. ApiError if the engine refuses at once."""
    try:
        first = session.get(FIRST_EVENT_S)
        if isinstance(first, Failed):
            raise error_from(first)
    except BaseException:
        session.close()
        raise
    ping = job.params.sse_ping_interval
    chunks = _chunks(session, form, first, float(ping) if ping > 0 else None)
    if first is None:
        return itertools.chain([sse.opening(http.environ)], chunks)
    return chunks


def _chunks(
    session: Session, form: Format, event: Event | None, ping_s: float | None
) -> Iterator[bytes]:
    """The body of a streamed answer, from its first event on if there is one already."""
    try:
        while True:
            if event is not None:
                chunk = _render(session, form, event)
                if session.is_done:
                    yield chunk + form.done
                    return
                if chunk:
                    yield chunk
            event = session.get(ping_s)
            if event is None:
                yield form.ping
    except ClientGone:
        return
    except ApiError as error:
        yield form.error(error)
    except Exception as error:  # the headers are sent: an event is all that is left
        yield form.error(unexpected(error, "a stream"))
    finally:
        session.close()


def _render(session: Session, form: Format, event: Event) -> bytes:
    index = session.index(event)
    if isinstance(event, Token):
        return form.token(event, index)
    if isinstance(event, Finished):
        return form.last(event, index)
    if isinstance(event, Failed):
        raise error_from(event)
    return form.progress(event, index) if isinstance(event, Progress) else b""
