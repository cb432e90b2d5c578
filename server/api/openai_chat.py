"""OpenAI's chat dialect: `/v1/chat/completions`, and `/apply-template` without the model.

Answers to to_json_oaicompat_chat and its streaming form in llama.cpp
`tools/server/server-task.cpp`. What a message gains by more text is `message_stream`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from flask import Response

from server.api import answers
from server.api import sse
from server.api.chat_prompt import chat_job
from server.api.chat_prompt import count_chat_tokens
from server.api.chat_prompt import render_chat
from server.api.generate import Format
from server.api.generate import respond
from server.api.job import Job
from server.api.message_stream import MessageStream
from server.api.message_stream import new_message_stream
from server.api.native import progress_json
from server.api.native import result_json
from server.api.openai_completions import finish_reason
from server.api.openai_completions import logprobs_json
from server.api.openai_completions import merged
from server.api.registry import Routes
from server.api.service import Service
from server.api.usage import Json
from server.api.usage import probs_json
from server.api.usage import timings_json
from server.api.usage import usage_json
from server.api.wire import json_response
from server.api.wire import read_body
from server.chat.delta import CallDelta
from server.chat.delta import ContentDelta
from server.chat.delta import Delta
from server.chat.delta import ParsedMessage
from server.chat.delta import ReasoningDelta
from server.engine.task import Finished
from server.engine.task import Progress
from server.engine.task import Token
from server.engine.task import TokenProb
from server.schema import bodies
from server.schema import openai_chat_body

routes = Routes("openai_chat")

ROLE: Json = {"role": "assistant", "content": None}


@routes.post(
    "/v1/chat/completions",
    "/chat/completions",
    takes=bodies.CHAT,
    gives=answers.CHAT_COMPLETION,
)
def chat_completions(service: Service) -> Response:
    """Answer a chat."""
    job = chat_job(service, read_body(bodies.CHAT))
    return respond(service, job, ChatFormat(job))


@routes.post("/apply-template", takes=bodies.TEMPLATE, gives=answers.PROMPT)
def apply_template(service: Service) -> Response:
    """The prompt that a chat becomes."""
    body = read_body(bodies.TEMPLATE)
    openai_chat_body(body)
    return json_response({"prompt": render_chat(service, body).fields["prompt"]})


@routes.post(
    "/v1/chat/completions/input_tokens",
    "/chat/completions/input_tokens",
    takes=bodies.CHAT,
    gives=answers.INPUT_TOKENS,
)
def input_tokens(service: Service) -> Response:
    """How many tokens the prompt of a chat has."""
    n = count_chat_tokens(service, read_body(bodies.CHAT))
    return json_response({"input_tokens": n, "object": "response.input_tokens"})


def delta_json(delta: Delta) -> Json:
    """What a message gains, as OpenAI's clients expect it."""
    match delta:
        case ContentDelta(text):
            return {"content": text}
        case ReasoningDelta(text):
            return {"reasoning_content": text}
        case CallDelta(index, arguments, "", _):
            return {"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}
        case CallDelta(index, arguments, name, call_id):
            function = {"name": name, "arguments": arguments}
            call = {"index": index, "id": call_id, "type": "function", "function": function}
            return {"tool_calls": [call]}


def message_json(message: ParsedMessage) -> Json:
    """A whole message; its content is null where there is nothing but calls."""
    found: Json = {"role": "assistant", "content": message.content}
    if message.reasoning:
        found["reasoning_content"] = message.reasoning
    if message.calls:
        found["content"] = message.content or None
        found["tool_calls"] = [
            {
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
                "id": call.id,
            }
            for call in message.calls
        ]
    return found


class ChatFormat(Format):
    """Events as OpenAI's chat.completion objects."""

    done = sse.DONE

    def __init__(self, job: Job) -> None:
        self._job = job
        params = job.params
        self._has_extras = params.timings_per_token or params.sampling.n_probs > 0
        self._streams: list[MessageStream] = [new_message_stream(job) for _ in job.tasks]
        self._has_begun = [False] * len(job.tasks)
        self._unsent: list[list[TokenProb]] = [[] for _ in job.tasks]
        self._identity: Json = {
            "created": job.created,
            "id": job.id,
            "model": job.model.name,
            "system_fingerprint": job.model.info.build_info,
            "object": "chat.completion.chunk",
        }
        constant = orjson.dumps(self._identity)[1:]
        self._heads = [
            b'data: {"choices":[{"finish_reason":null,"index":%d,"delta":' % i
            for i in range(len(job.tasks))
        ]
        self._tail = b"}]," + constant + sse.END

    def token(self, event: Token, index: int) -> bytes:
        """The deltas of a token; none while its text is held back."""
        deltas = [delta_json(delta) for delta in self._streams[index].push(event.text)]
        if not self._has_begun[index]:
            self._has_begun[index] = True
            deltas = [ROLE, *deltas]
        if self._has_extras:
            return self._chunks_with_extras(deltas, event, index)
        head, tail = self._heads[index], self._tail
        return b"".join([head + orjson.dumps(delta) + tail for delta in deltas])

    def _chunks_with_extras(self, deltas: Sequence[Json], event: Token, index: int) -> bytes:
        """The last delta carries its token's timings, and the probabilities of those up to it."""
        if event.prob is not None and (deltas or event.text):
            self._unsent[index].append(event.prob)
        chunks = self._chunks(deltas, index)
        if chunks and self._job.params.timings_per_token:
            chunks[-1]["timings"] = timings_json(event.timings)
        return b"".join(sse.event(chunk) for chunk in chunks)

    def _chunks(self, deltas: Sequence[Json], index: int) -> list[Json]:
        return [
            self._chunk(delta, index, self._logprobs(index) if delta is deltas[-1] else None)
            for delta in deltas
        ]

    def _logprobs(self, index: int) -> Json | None:
        """`logprobs` of the tokens since they were sent last; their text may be held back."""
        probs, self._unsent[index] = self._unsent[index], []
        if not probs:
            return None
        is_post_sampling = self._job.params.post_sampling_probs
        return {"content": probs_json(probs, is_post_sampling=is_post_sampling)}

    def _chunk(
        self, delta: Json, index: int, logprobs: Json | None = None, reason: str | None = None
    ) -> Json:
        choice: Json = {"finish_reason": reason, "index": index, "delta": delta}
        if logprobs is not None:
            choice["logprobs"] = logprobs
        return {"choices": [choice], **self._identity}

    def progress(self, event: Progress, index: int) -> bytes:
        """A chunk with the role only."""
        chunk = self._chunk(ROLE, index)
        if self._job.params.timings_per_token:
            chunk["timings"] = timings_json(event.timings)
        chunk["prompt_progress"] = progress_json(event)
        return sse.event(chunk)

    def last(self, event: Finished, index: int) -> bytes:
        """What was held back, the reason, and the usage if asked for."""
        job, stream = self._job, self._streams[index]
        deltas = [delta_json(delta) for delta in stream.finish(event.text)]
        if not self._has_begun[index]:
            deltas = [ROLE, *deltas]
        chunks = self._chunks(deltas, index)
        chunks.append(self._chunk({}, index, self._logprobs(index), _reason(stream, event)))
        if job.params.include_usage:
            chunks.append({"choices": [], **self._identity, "usage": usage_json(event)})
        chunks[-1]["timings"] = timings_json(event.timings)
        if job.params.verbose:
            chunks[0]["__verbose"] = result_json(job, event, index)
        return b"".join(sse.event(chunk) for chunk in chunks)

    def whole(self, events: Sequence[Finished]) -> object:
        """One object, with a choice for each task; counts and timings are the first one's."""
        return merged([self._result(event, i) for i, event in enumerate(events)])

    def _result(self, event: Finished, index: int) -> Json:
        job, stream = self._job, self._streams[index]
        stream.finish(event.text)
        choice: Json = {
            "finish_reason": _reason(stream, event),
            "index": index,
            "message": message_json(stream.message()),
        }
        logprobs = logprobs_json(job, event)
        if logprobs is not None:
            choice["logprobs"] = logprobs
        result: Json = {
            "choices": [choice],
            "created": job.created,
            "model": job.model.name,
            "system_fingerprint": job.model.info.build_info,
            "object": "chat.completion",
            "usage": usage_json(event),
            "id": job.id,
        }
        if job.params.verbose:
            result["__verbose"] = result_json(job, event, index)
        result["timings"] = timings_json(event.timings)
        return result


def _reason(stream: MessageStream, event: Finished) -> str:
    """Why a choice ended; calls are a better reason than that the model said so."""
    reason = finish_reason(event.stop_type)
    return "tool_calls" if reason == "stop" and stream.has_calls else reason
