"""A message, whole or as the events of a stream: the fold that a job's events go through.

Answers to to_json_anthropic and its streaming form in llama.cpp `tools/server/server-task.cpp`.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.api.errors import ApiError
from server.api.generate import Format
from server.api.job import Job
from server.api.message_stream import MessageStream
from server.api.message_stream import reading_of
from server.api.messages.blocks import EVENT
from server.api.messages.blocks import BlockEvents
from server.api.messages.blocks import blocks_of
from server.api.messages.blocks import event
from server.api.messages.errors import error_body
from server.api.usage import Json
from server.api.wire import Body
from server.engine.task import Finished
from server.engine.task import Progress
from server.engine.task import StopType
from server.engine.task import Timings
from server.engine.task import Token

PING = event("ping", {})


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
