"""A body with a prompt -> tasks -> events -> an answer: what all completion dialects share.

A dialect makes a `Job` and hands it to `respond` with its `Format`, which turns events into JSON.
Errors that can be known before anything is sent leave as exceptions, with a status of their own;
later ones become an `error` event in the stream. Answers to handle_completions_impl of llama.cpp
`tools/server/server-context.cpp`.
"""

from __future__ import annotations

import itertools
import secrets
import string
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from dataclasses import replace
from functools import partial
from typing import Protocol

from flask import Response
from flask import request as http

from server.api import sse
from server.api import streams
from server.api.admission import claimed
from server.api.admission import take_ticket
from server.api.blocking import run_blocking
from server.api.disconnect import NoWatch
from server.api.disconnect import Watch
from server.api.errors import ApiError
from server.api.errors import ClientGone
from server.api.errors import ExceedsContext
from server.api.errors import InvalidRequest
from server.api.errors import Unavailable
from server.api.errors import error_body
from server.api.errors import error_from
from server.api.errors import unexpected
from server.api.service import Model
from server.api.service import Service
from server.api.trace import current_trace
from server.api.wire import Body
from server.api.wire import aside
from server.api.wire import json_response
from server.chat.stream import Reading
from server.engine.client import Request
from server.engine.errors import BadGrammar
from server.engine.mailbox import Status
from server.engine.modelinfo import Tokenizer
from server.engine.task import Constraint
from server.engine.task import Embedded
from server.engine.task import Event
from server.engine.task import Failed
from server.engine.task import Finished
from server.engine.task import Progress
from server.engine.task import Task
from server.engine.task import Token
from server.engine.task import Tokens
from server.schema import CompletionParams
from server.schema import parse_completion
from server.schema import parse_prompts
from server.schema import required_prompt
from server.schema import task_from
from server.schema import token_places

FIRST_EVENT_S = 0.02
"""How long the headers of a stream wait for the engine's refusal, so that it gets its status."""

ENGINE_POLL_S = 5.0
"""How often a handler that waits makes sure that there is still an engine to wait for."""

LAST_WORDS_S = 0.5

ID_LETTERS = string.digits + string.ascii_letters

Keep = Callable[[Iterator[bytes], Callable[[], None]], Response]
"""(the chunks of a stream, what cancels it) -> the answer to its client."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What one HTTP request wants computed."""

    id: str
    created: int
    """Unix time in seconds."""
    model: Model
    params: CompletionParams
    tasks: tuple[Task, ...]
    """In the order of the results; a result's index is its task's place here."""
    prefill: str = ""
    """The beginning of the answer, where the prompt already holds it."""
    reading: Reading | None = None
    """How the answer of a chat is read; None: all of it is content."""


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


def new_id(prefix: str = "chatcmpl-") -> str:
    """An id for a completion, as the reference makes them. prefix: the dialect's."""
    return prefix + "".join(secrets.choice(ID_LETTERS) for _ in range(32))


def make_job(
    service: Service,
    body: Body,
    *,
    job_id: str = "",
    prefill: str = "",
    turns: Sequence[int] = (),
    constraint: Constraint | None = None,
    reading: Reading | None = None,
) -> Job:
    """Check a native body and make its tasks; nothing is posted yet.

    job_id: "" = a new one.
    turns: places in the text of the prompt, where it is one, at which messages begin.
    constraint: in place of the body's own.
    """
    model = service.model()
    params = aside(lambda: parse_completion(body, service.defaults, model.tokenizer))
    params = _compiled(params, constraint, model.tokenizer)
    given = required_prompt(body)
    service.prompt_log.write(given)
    prompts = aside(lambda: parse_prompts(given, model.tokenizer))
    n_ctx = model.info.n_ctx_slot
    for prompt in prompts:
        if len(prompt) >= n_ctx:
            raise ExceedsContext(len(prompt), n_ctx)
        service.check_prompt(prompt)
    job_id = job_id or new_id()
    tasks: list[Task] = []
    for prompt in prompts:
        adapters = service.adapters_for(params.lora, prompt)
        places = _token_places(model, body, prompt, turns)
        ids = [service.engine.next_task_id() for _ in range(params.n_cmpl)]
        first = ids[0] if len(ids) > 1 else -1
        tasks += [
            task_from(params, prompt, task_id, job_id, i, adapters, places, first)
            for i, task_id in enumerate(ids)
        ]
    ready = tuple(claimed(task, service.predict_limit) for task in tasks)
    return Job(job_id, int(time.time()), model, params, ready, prefill, reading)


def _compiled(
    params: CompletionParams, constraint: Constraint | None, tokenizer: Tokenizer
) -> CompletionParams:
    """params with a constraint that the engine can follow at once. InvalidRequest."""
    wanted = constraint or params.sampling.constraint
    if wanted is None:
        return params
    preserved = frozenset(params.preserved_tokens)
    try:
        ready = run_blocking(lambda: tokenizer.compile(wanted, preserved))
    except BadGrammar as error:
        raise InvalidRequest(str(error)) from None
    return replace(params, sampling=replace(params.sampling, grammar="", constraint=ready))


def _token_places(
    model: Model, body: Body, prompt: Tokens, turns: Sequence[int]
) -> tuple[int, ...]:
    """Where messages begin, in tokens."""
    text = body["prompt"]
    if not turns or not isinstance(text, str):
        return ()
    return token_places(prompt, text, turns, model.tokenizer)


class Session:
    """A request that runs: its events, and the watch over its client.

    ids: of its tasks, in the order of the results.
    """

    def __init__(
        self, service: Service, request: Request, ids: Sequence[int], *, is_kept: bool = False
    ) -> None:
        """is_kept: it goes on when its client leaves."""
        self._engine = service.engine
        self._indexes = {task_id: i for i, task_id in enumerate(ids)}
        self._request = request
        self._n_taken: dict[int, int] = {}
        self._watch: Watch = NoWatch()
        try:
            if not is_kept:
                self._watch = service.watchers.watch(http.environ, self._request.abandon)
        except BaseException:
            self._request.close()
            raise
        self._ticket = take_ticket()
        self._trace = current_trace()

    @property
    def is_done(self) -> bool:
        """Whether every task has ended."""
        return self._request.is_done

    def index(self, event: Event) -> int:
        """The place of an event's task in the job."""
        return self._indexes[event.task_id]

    def get(self, timeout: float | None) -> Event | None:
        """The next event, None after timeout seconds. ClientGone, Unavailable."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            event = self._request.get(self._slice(deadline))
            if event is not None:
                self._count(event)
                return event
            if self._request.is_abandoned or self._watch.is_gone():
                raise ClientGone("The client closed the connection")
            if self._engine.status is not Status.READY:
                return self._last_words()
            if deadline is not None and time.monotonic() >= deadline:
                return None

    def _slice(self, deadline: float | None) -> float:
        slice_s = self._watch.poll_s or ENGINE_POLL_S
        return slice_s if deadline is None else max(0.0, min(slice_s, deadline - time.monotonic()))

    def _last_words(self) -> Event:
        """The engine's thread has ended: what it said before may still be on its way."""
        event = self._request.get(LAST_WORDS_S)
        if event is None:
            raise Unavailable("The engine has stopped")
        return event

    def _count(self, event: Event) -> None:
        """What a task has taken of its owner's tokens."""
        if isinstance(event, (Token, Finished)):
            timings = event.timings
            n_prompt = timings.n_prompt_cached + timings.n_prompt_processed
            self._n_taken[event.task_id] = n_prompt + timings.n_decoded
        elif isinstance(event, Embedded):
            self._n_taken[event.task_id] = event.n_prompt
        if self._trace is not None:
            self._trace.see(event)

    def cancel(self) -> None:
        """Have `get` raise ClientGone. Any thread or greenlet."""
        self._request.abandon()

    def close(self) -> None:
        """Cancel what still runs and stop watching. Idempotent."""
        self._watch.close()
        self._request.close()
        if self._ticket is not None:
            self._ticket.n_tokens = sum(self._n_taken.values())
            self._ticket.close()


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
