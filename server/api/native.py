"""llama-server's own completion dialect: `/completion`.

Answers to to_json_non_oaicompat of llama.cpp `tools/server/server-task.cpp`.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from flask import Response

from server.api import answers
from server.api import sse
from server.api.generate import Format
from server.api.generate import respond
from server.api.job import Job
from server.api.job import make_job
from server.api.registry import Routes
from server.api.service import Service
from server.api.usage import Json
from server.api.usage import probs_json
from server.api.usage import shown_probs
from server.api.usage import timings_json
from server.api.wire import read_json
from server.engine.task import Finished
from server.engine.task import Progress
from server.engine.task import Token
from server.schema import CompletionParams
from server.schema import bodies
from server.schema import generation_settings

routes = Routes("native")


@routes.post(
    "/completion", "/completions", takes=bodies.COMPLETION, gives=answers.NATIVE_COMPLETION
)
def completion(service: Service) -> Response:
    """Complete one or several prompts."""
    job = make_job(service, read_json())
    return respond(service, job, NativeFormat(job))


class NativeFormat(Format):
    """Events as llama-server's own JSON."""

    done = b""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._fields = job.params.response_fields
        self._has_extras = job.params.timings_per_token or job.params.sampling.n_probs > 0
        self._heads = [b'data: {"index":%d,"content":' % i for i in range(len(job.tasks))]
        self._counts = [len(task.prompt) for task in job.tasks]

    def token(self, event: Token, index: int) -> bytes:
        """One chunk; the slot is not said before the end, as in the reference."""
        return b'%s%s,"tokens":[%d],"stop":false,"id_slot":-1,%s%s}\n\n' % (
            self._heads[index],
            orjson.dumps(event.text),
            event.token,
            b'"tokens_predicted":%d,"tokens_evaluated":%d'
            % (event.timings.n_decoded, self._counts[index]),
            self._extras(event) if self._has_extras else b"",
        )

    def _extras(self, event: Token) -> bytes:
        params, extras = self._job.params, b""
        if params.timings_per_token:
            extras += b',"timings":' + orjson.dumps(timings_json(event.timings))
        if event.prob is not None:
            probs = probs_json([event.prob], is_post_sampling=params.post_sampling_probs)
            extras += b',"completion_probabilities":' + orjson.dumps(probs)
        return extras

    def progress(self, event: Progress, index: int) -> bytes:
        """A chunk without text."""
        return sse.event(progress_chunk(self._job, event, index))

    def last(self, event: Finished, index: int) -> bytes:
        """Everything about the result but its text."""
        return sse.event(self._selected(result_json(self._job, event, index)))

    def whole(self, events: Sequence[Finished]) -> object:
        """One object, or an array of them."""
        results = [
            self._selected(result_json(self._job, event, i)) for i, event in enumerate(events)
        ]
        return results[0] if len(results) == 1 else results

    def _selected(self, result: Json) -> Json:
        return select(result, self._fields) if self._fields else result


def token_chunk(job: Job, event: Token, index: int) -> Json:
    """A streamed token as the native dialect says it (also `__verbose` of the others)."""
    chunk: Json = {
        "index": index,
        "content": event.text,
        "tokens": [event.token],
        "stop": False,
        "id_slot": -1,
        "tokens_predicted": event.timings.n_decoded,
        "tokens_evaluated": len(job.tasks[index].prompt),
    }
    if job.params.timings_per_token:
        chunk["timings"] = timings_json(event.timings)
    if event.prob is not None:
        chunk["completion_probabilities"] = probs_json(
            [event.prob], is_post_sampling=job.params.post_sampling_probs
        )
    return chunk


def progress_chunk(job: Job, event: Progress, index: int) -> Json:
    """A step of the prefill as the native dialect says it."""
    chunk: Json = {
        "index": index,
        "content": "",
        "tokens": [0],
        "stop": False,
        "id_slot": -1,
        "tokens_predicted": 0,
        "tokens_evaluated": event.n_total,
    }
    if job.params.timings_per_token:
        chunk["timings"] = timings_json(event.timings)
    chunk["prompt_progress"] = progress_json(event)
    return chunk


def progress_json(event: Progress) -> Json:
    """`prompt_progress`."""
    return {
        "total": event.n_total,
        "cache": event.n_cached,
        "processed": event.n_processed,
        "time_ms": event.time_ms,
    }


def result_json(job: Job, event: Finished, index: int) -> Json:
    """A whole result, or the last chunk of a streamed one (also `__verbose` of the others)."""
    task, params = job.tasks[index], job.params
    tokenizer = job.model.tokenizer
    echoed = task.params if isinstance(task.params, CompletionParams) else params
    result: Json = {
        "index": index,
        "content": event.text,
        "tokens": event.tokens,
        "id_slot": event.id_slot,
        "stop": True,
        "model": job.model.name,
        "tokens_predicted": event.timings.n_decoded,
        "tokens_evaluated": event.n_prompt,
        "generation_settings": generation_settings(echoed),
        "prompt": tokenizer.detokenize(task.prompt.tolist(), special=True),
        "has_new_line": event.has_new_line,
        "truncated": event.truncated,
        "stop_type": event.stop_type.value,
        "stopping_word": event.stopping_word,
        "tokens_cached": event.n_cached_end,
        "timings": timings_json(event.timings),
    }
    probs = () if params.stream else shown_probs(event, tokenizer)
    if probs:
        result["completion_probabilities"] = probs_json(
            probs, is_post_sampling=params.post_sampling_probs
        )
    return result


def select(result: Json, paths: Sequence[str]) -> Json:
    """`response_fields`: the values at these paths, under the paths as keys; unknown ones lack."""
    chosen: Json = {}
    for path in paths:
        value: object = result
        for key in path.split("/"):
            if not isinstance(value, dict) or key not in value:
                break
            value = value[key]
        else:
            chosen[path] = value
    return chosen
