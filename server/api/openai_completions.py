"""OpenAI's completion dialect: `/v1/completions`.

Answers to to_json_oaicompat of llama.cpp `tools/server/server-task.cpp`.
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
from server.api.native import progress_chunk
from server.api.native import progress_json
from server.api.native import result_json
from server.api.native import token_chunk
from server.api.registry import Routes
from server.api.service import Service
from server.api.usage import Json
from server.api.usage import probs_json
from server.api.usage import shown_probs
from server.api.usage import timings_json
from server.api.usage import usage_json
from server.api.wire import read_body
from server.engine.task import Finished
from server.engine.task import Progress
from server.engine.task import StopType
from server.engine.task import Token
from server.schema import bodies
from server.schema import openai_completion_body

routes = Routes("openai_completions")


@routes.post("/v1/completions", takes=bodies.OPENAI_COMPLETION, gives=answers.TEXT_COMPLETION)
def completions(service: Service) -> Response:
    """Complete one or several prompts."""
    job = make_job(service, openai_completion_body(read_body(bodies.OPENAI_COMPLETION)))
    return respond(service, job, CompletionFormat(job))


def finish_reason(stop_type: StopType) -> str:
    """Why a choice ended, in OpenAI's words."""
    return "stop" if stop_type in (StopType.WORD, StopType.EOS) else "length"


def logprobs_json(job: Job, event: Token | Finished) -> Json | None:
    """`logprobs` of a chunk or of a whole choice; None where none were asked for."""
    if isinstance(event, Token):
        probs = [] if event.prob is None else [event.prob]
    else:
        probs = [] if job.params.stream else [*shown_probs(event, job.model.tokenizer)]
    if not probs:
        return None
    return {"content": probs_json(probs, is_post_sampling=job.params.post_sampling_probs)}


class CompletionFormat(Format):
    """Events as OpenAI's text_completion objects."""

    done = sse.DONE

    def __init__(self, job: Job) -> None:
        self._job = job
        self._is_plain = not (
            job.params.timings_per_token or job.params.sampling.n_probs or job.params.verbose
        )
        self._identity: Json = {
            "created": job.created,
            "model": job.model.name,
            "system_fingerprint": job.model.info.build_info,
            "object": "text_completion",
        }
        constant = orjson.dumps(self._identity | {"id": job.id})[1:]
        self._tails = [
            b',"index":%d,"logprobs":null,"finish_reason":null}],%s\n\n' % (i, constant)
            for i in range(len(job.tasks))
        ]

    def token(self, event: Token, index: int) -> bytes:
        """One chunk."""
        if self._is_plain:
            return b'data: {"choices":[{"text":%s%s' % (
                orjson.dumps(event.text),
                self._tails[index],
            )
        chunk = self._object(index, event.text, logprobs_json(self._job, event), None)
        if self._job.params.verbose:
            chunk["__verbose"] = token_chunk(self._job, event, index)
        if self._job.params.timings_per_token:
            chunk["timings"] = timings_json(event.timings)
        return sse.event(chunk)

    def progress(self, event: Progress, index: int) -> bytes:
        """A chunk without text."""
        chunk = self._object(index, "", None, None)
        if self._job.params.verbose:
            chunk["__verbose"] = progress_chunk(self._job, event, index)
        if self._job.params.timings_per_token:
            chunk["timings"] = timings_json(event.timings)
        chunk["prompt_progress"] = progress_json(event)
        return sse.event(chunk)

    def last(self, event: Finished, index: int) -> bytes:
        """The chunk with the reason and the usage."""
        return sse.event(self._result(event, index))

    def whole(self, events: Sequence[Finished]) -> object:
        """One object, with a choice for each task; counts and timings are the first one's."""
        results = [self._result(event, i) for i, event in enumerate(events)]
        return merged(results)

    def _result(self, event: Finished, index: int) -> Json:
        logprobs = logprobs_json(self._job, event)
        reason = finish_reason(event.stop_type)
        result = self._object(index, event.text, logprobs, reason, usage_json(event))
        if self._job.params.verbose:
            result["__verbose"] = result_json(self._job, event, index)
        result["timings"] = timings_json(event.timings)
        return result

    def _object(
        self,
        index: int,
        text: str,
        logprobs: Json | None,
        reason: str | None,
        usage: Json | None = None,
    ) -> Json:
        choice = {"text": text, "index": index, "logprobs": logprobs, "finish_reason": reason}
        result: Json = {"choices": [choice], **self._identity}
        if usage is not None:
            result["usage"] = usage
        result["id"] = self._job.id
        return result


def merged(results: Sequence[Json]) -> Json:
    """One answer of several: the choices of all, the rest of the first, as in the reference."""
    choices = [choice for result in results for choice in _choices(result)]
    return results[0] | {"choices": choices}


def _choices(result: Json) -> list[object]:
    choices = result["choices"]
    assert isinstance(choices, list)
    return choices
