"""A body with a prompt -> the tasks that it comes to; nothing is posted yet."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

from server.api.admission import claimed
from server.api.blocking import run_blocking
from server.api.errors import ExceedsContext
from server.api.errors import InvalidRequest
from server.api.ids import new_id
from server.api.service import Model
from server.api.service import Service
from server.api.wire import Body
from server.api.wire import aside
from server.chat.stream import Reading
from server.engine.errors import BadGrammar
from server.engine.modelinfo import Tokenizer
from server.engine.task import Constraint
from server.engine.task import Task
from server.engine.task import Tokens
from server.schema import CompletionParams
from server.schema import parse_completion
from server.schema import parse_prompts
from server.schema import required_prompt
from server.schema import task_from
from server.schema import token_places


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
