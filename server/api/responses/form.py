"""The response object, and the events of its life: what `output` makes, numbered and written.

`ResponseForm` is the fold that a job's events go through, streamed or not. Whoever wants to keep
the response is told when it is over, before its client is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence

import orjson

from server.api.errors import ApiError
from server.api.generate import Format
from server.api.job import Job
from server.api.message_stream import new_message_stream
from server.api.native import progress_json
from server.api.openai_completions import finish_reason
from server.api.openai_completions import logprobs_json
from server.api.responses.items import Item
from server.api.responses.output import Json
from server.api.responses.output import Output
from server.api.responses.request import Wish
from server.api.responses.status import CANCELLED
from server.api.responses.status import COMPLETED
from server.api.responses.status import FAILED
from server.api.responses.status import IN_PROGRESS
from server.api.responses.status import INCOMPLETE
from server.api.responses.status import OVER
from server.api.responses.status import QUEUED
from server.api.usage import timings_json
from server.engine.task import Finished
from server.engine.task import Progress
from server.engine.task import Timings
from server.engine.task import Token

ECHOED = (
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "previous_response_id",
    "user",
    "safety_identifier",
    "prompt_cache_key",
)


class ResponseForm(Format):
    """One response, from its creation to its end."""

    def __init__(self, job: Job, wish: Wish, on_end: Callable[[ResponseForm], bool]) -> None:
        """on_end: called once, when it is over; says whether the response is kept."""
        self.id = job.id
        self.wish = wish
        self.status = QUEUED if wish.is_background else IN_PROGRESS
        self._job = job
        self._on_end = on_end
        self._stream = new_message_stream(job)
        self._output = Output(wish.shown)
        self._n_events = 0
        self._is_created = self._is_begun = False
        self._is_kept = wish.is_stored
        self._usage: Json | None = None
        self._error: Json | None = None
        self._completed_at: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing changes any more."""
        return self.status in OVER

    @property
    def is_stored(self) -> bool:
        """Whether it is to be kept."""
        return self.wish.is_stored

    @property
    def previous(self) -> str:
        """The response that it goes on with; "" = none."""
        return self.wish.previous

    @property
    def items(self) -> Sequence[Item]:
        """What it was given beside its conversation."""
        return self.wish.items

    def output_ids(self) -> list[str]:
        """The ids of the items in its output."""
        return [str(item["id"]) for item in self._output.items()]

    def response(self) -> Json:
        """The object as it is now."""
        body, params = self.wish.body, self._job.params
        reasoning = body.get("reasoning") or {}
        given: Json = {name: body.get(name) for name in ECHOED}
        is_incomplete = self.status == INCOMPLETE
        return {
            "id": self.id,
            "object": "response",
            "created_at": self._job.created,
            "completed_at": self._completed_at,
            "status": self.status,
            "background": self.wish.is_background,
            "error": self._error,
            "incomplete_details": {"reason": "max_output_tokens"} if is_incomplete else None,
            **given,
            "metadata": body.get("metadata") or {},
            "model": self._job.model.name,
            "output": self._output.items(),
            "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
            "reasoning": {
                "effort": reasoning.get("effort"),
                "summary": reasoning.get("summary"),
            },
            "service_tier": "default",
            "store": self._is_kept,
            "temperature": params.sampling.temperature,
            "text": {"format": {"type": "text"}} | (body.get("text") or {}),
            "tool_choice": body.get("tool_choice") or "auto",
            "tools": list(self.wish.tools.shown),
            "top_logprobs": self.wish.n_logprobs,
            "top_p": params.sampling.top_p,
            "truncation": body.get("truncation") or "disabled",
            "usage": self._usage,
        }

    # events

    def opening(self) -> bytes:
        """That it exists, before anything is known of it."""
        return self._written(self._created())

    def token(self, event: Token, index: int) -> bytes:
        """The events of a token; none while its text is held back."""
        events = self._begun()
        events += self._output.push(self._stream.push(event.text), self._logprobs(event))
        if self._job.params.timings_per_token:
            self._time(events, event.timings)
        return self._written(events)

    def progress(self, event: Progress, index: int) -> bytes:
        """That it is being worked on, and how far."""
        events = self._begun() or [self._lifecycle("in_progress")]
        events[-1] |= {"prompt_progress": progress_json(event)}
        if self._job.params.timings_per_token:
            self._time(events, event.timings)
        return self._written(events)

    def last(self, event: Finished, index: int) -> bytes:
        """What was held back, and the end."""
        events = self._begun() + self._finish(event)
        self._time(events, event.timings)
        return self._written(events)

    def whole(self, events: Sequence[Finished]) -> object:
        """The response."""
        self._finish(events[0], self._logprobs(events[0]))
        return self.response() | {"timings": timings_json(events[0].timings)}

    def error(self, error: ApiError) -> bytes:
        """That it failed."""
        code = "server_error" if error.status >= 500 else "invalid_prompt"
        self._error = {"code": code, "message": error.message}
        events = [*self._begun(), *self._end(FAILED)]
        return self._written([*events, self._lifecycle(FAILED)])

    def cancel(self) -> None:
        """Nobody wants it any more."""
        if not self.is_over:
            self._end(CANCELLED)

    # its life

    def _created(self) -> list[Json]:
        if self._is_created:
            return []
        self._is_created = True
        events = [self._lifecycle("created")]
        return [*events, self._lifecycle(QUEUED)] if self.wish.is_background else events

    def _begun(self) -> list[Json]:
        """What comes before everything else."""
        if self._is_begun:
            return []
        events = self._created()
        self._is_begun = True
        self.status = IN_PROGRESS
        return [*events, self._lifecycle(IN_PROGRESS)]

    def _finish(self, event: Finished, logprobs: Sequence[Json] = ()) -> list[Json]:
        """It ended by itself."""
        events = self._output.push(self._stream.finish(event.text), logprobs)
        status = INCOMPLETE if finish_reason(event.stop_type) == "length" else COMPLETED
        self._usage = self._usage_of(event)
        return [*events, *self._end(status), self._lifecycle(status)]

    def _end(self, status: str) -> list[Json]:
        """It is over. The last events of its output."""
        events = self._output.end(COMPLETED if status == COMPLETED else INCOMPLETE)
        self.status = status
        if status == COMPLETED:
            self._completed_at = int(time.time())
        self._is_kept = self._on_end(self)
        return events

    def _usage_of(self, event: Finished) -> Json:
        n_input, n_output = event.n_prompt, event.timings.n_decoded
        return {
            "input_tokens": n_input,
            "input_tokens_details": {
                "cached_tokens": event.timings.n_prompt_cached,
                "cache_write_tokens": 0,
            },
            "output_tokens": n_output,
            "output_tokens_details": {"reasoning_tokens": self._n_reasoning(n_output)},
            "total_tokens": n_input + n_output,
        }

    def _n_reasoning(self, n_output: int) -> int:
        """The tokens of the thoughts, as the tokenizer would write them."""
        thoughts, tokenizer = self._output.reasoning, self._job.model.tokenizer
        if not thoughts:
            return 0
        tokens = tokenizer.tokenize(thoughts, add_special=False, parse_special=False)
        return min(len(tokens), n_output)

    def _logprobs(self, event: Token | Finished) -> Sequence[Json]:
        """The probabilities of the tokens of an event, as many as were asked for."""
        found = logprobs_json(self._job, event) if self.wish.has_logprobs else None
        rows = found["content"] if found else None
        if not isinstance(rows, list):
            return ()
        return [row | {"top_logprobs": row["top_logprobs"][: self.wish.n_logprobs]} for row in rows]

    def _lifecycle(self, kind: str) -> Json:
        return {"type": f"response.{kind}", "response": self.response()}

    def _time(self, events: list[Json], timings: Timings) -> None:
        if events:
            events[-1] |= {"timings": timings_json(timings)}

    def _written(self, events: Iterable[Json]) -> bytes:
        chunks = []
        for event in events:
            payload = orjson.dumps(event | {"sequence_number": self._n_events})
            chunks.append(b"event: %s\ndata: %s\n\n" % (str(event["type"]).encode(), payload))
            self._n_events += 1
        return b"".join(chunks)
