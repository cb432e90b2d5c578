"""Generated text -> what the message gains by it, for all dialects that answer with messages.

What is gained is typed (`server/chat/delta.py`); each dialect folds it into its own events. How
text is read is the business of `server/chat/stream.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import replace

from server.api.ids import new_id
from server.api.job import Job
from server.chat.delta import ContentDelta
from server.chat.delta import Delta
from server.chat.delta import ParsedMessage
from server.chat.delta import ReasoningDelta
from server.chat.formats.format import Format
from server.chat.stream import MessageParser
from server.chat.stream import Reading

ID_LENGTH = 9
"""Some templates take ids of calls of this length only."""


def new_call_id() -> str:
    """An id for a call to which the model gives none."""
    return new_id("", ID_LENGTH)


def new_message_stream(job: Job) -> MessageStream:
    """The stream that suits a job."""
    return MessageStream(reading_of(job), is_begun_shown(job))


def reading_of(job: Job) -> Reading:
    """How the answer is read, as the job's parameters want it."""
    if job.reading is None:
        return Reading(Format(), prefill=job.prefill)
    wanted = job.params.reasoning_format
    return replace(
        job.reading,
        extracts_reasoning=wanted != "none",
        repeats_reasoning=wanted == "deepseek-legacy",
    )


def is_begun_shown(job: Job) -> bool:
    """Whether the beginning of a continued message is shown again, with the first text.

    As in the reference it is shown unless the request itself asked for a continuation (rather than
    ended with the assistant's message) and for a stream.
    """
    return job.params.echo or not (job.params.is_continuation and job.params.stream)


class MessageStream:
    """One answer that is being generated."""

    def __init__(self, reading: Reading, shows_begun: bool) -> None:
        self._parser = MessageParser(reading, new_call_id)
        begun = self._parser.push("")
        self._begun: list[Delta] = begun if shows_begun else []
        message = self._parser.message
        self._n_hidden = 0 if shows_begun else len(message.content)
        self._n_hidden_thoughts = 0 if shows_begun else len(message.reasoning)

    def push(self, text: str) -> Sequence[Delta]:
        """The deltas that more text brings."""
        deltas = self._parser.push(text)
        if len(deltas) == 1 and not self._begun:
            return deltas
        return self._shown(deltas) if deltas else ()

    def finish(self, text: str) -> Sequence[Delta]:
        """The deltas of the last text, and of what was held back."""
        return self._shown([*self._parser.push(text), *self._parser.finish()])

    def _shown(self, deltas: Iterable[Delta]) -> list[Delta]:
        begun, self._begun = self._begun, []
        return merged([*begun, *deltas])

    @property
    def has_calls(self) -> bool:
        """Whether a tool is called."""
        return bool(self._parser.message.calls)

    def message(self) -> ParsedMessage:
        """The whole message so far, as far as it is shown."""
        message = self._parser.message
        return ParsedMessage(
            message.content[self._n_hidden :],
            message.reasoning[self._n_hidden_thoughts :],
            message.calls,
        )


def merged(deltas: Iterable[Delta]) -> list[Delta]:
    """Texts of the same kind that follow one another as one."""
    found: list[Delta] = []
    for delta in deltas:
        match found[-1:], delta:
            case [ContentDelta(a)], ContentDelta(b):
                found[-1] = ContentDelta(a + b)
            case [ReasoningDelta(a)], ReasoningDelta(b):
                found[-1] = ReasoningDelta(a + b)
            case _:
                found.append(delta)
    return found
