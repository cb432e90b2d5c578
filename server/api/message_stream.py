"""Generated text -> the message's deltas in OpenAI's form, as `server/chat/stream.py` reads it."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import replace

from server.api.generate import Job
from server.chat.delta import CallDelta
from server.chat.delta import ContentDelta
from server.chat.delta import Delta as Gain
from server.chat.delta import ReasoningDelta
from server.chat.formats.format import Format
from server.chat.stream import MessageParser
from server.chat.stream import Reading

Delta = dict[str, object]

ID_LENGTH = 9
"""Some templates take ids of calls of this length only."""
ID_LETTERS = string.ascii_letters + string.digits


def new_call_id() -> str:
    """An id for a call to which the model gives none."""
    return "".join(secrets.choice(ID_LETTERS) for _ in range(ID_LENGTH))


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
        self._begun: list[Gain] = begun if shows_begun else []
        message = self._parser.message
        self._n_hidden = 0 if shows_begun else len(message.content)
        self._n_hidden_thoughts = 0 if shows_begun else len(message.reasoning)

    def push(self, text: str) -> Sequence[Delta]:
        """The deltas that more text brings."""
        gains = self._parser.push(text)
        if not gains:
            return ()
        return self._shown(gains)

    def finish(self, text: str) -> Sequence[Delta]:
        """The deltas of the last text, and of what was held back."""
        return self._shown([*self._parser.push(text), *self._parser.finish()])

    def _shown(self, gains: Iterable[Gain]) -> list[Delta]:
        begun, self._begun = self._begun, []
        return [delta_json(gain) for gain in merged([*begun, *gains])]

    def finish_reason(self, reason: str) -> str:
        """The reason, or a better one that the message itself tells."""
        return "tool_calls" if reason == "stop" and self._parser.message.calls else reason

    def message(self) -> Delta:
        """The whole message so far."""
        message = self._parser.message
        content = message.content[self._n_hidden :]
        found: Delta = {"role": "assistant", "content": content}
        if reasoning := message.reasoning[self._n_hidden_thoughts :]:
            found["reasoning_content"] = reasoning
        if message.calls:
            found["content"] = content or None
            found["tool_calls"] = [
                {
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                    "id": call.id,
                }
                for call in message.calls
            ]
        return found


def merged(gains: Iterable[Gain]) -> list[Gain]:
    """Gains of the same kind that follow one another as one."""
    found: list[Gain] = []
    for gain in gains:
        match found[-1:], gain:
            case [ContentDelta(a)], ContentDelta(b):
                found[-1] = ContentDelta(a + b)
            case [ReasoningDelta(a)], ReasoningDelta(b):
                found[-1] = ReasoningDelta(a + b)
            case _:
                found.append(gain)
    return found


def delta_json(gain: Gain) -> Delta:
    """A gain as OpenAI's clients expect it."""
    match gain:
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
