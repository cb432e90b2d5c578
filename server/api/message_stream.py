"""Generated text -> the message's deltas: for now, all of it is content.

The seam where `server/chat/stream.py` comes in when reasoning and tool calls are told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from server.api.generate import Job

Delta = dict[str, object]


class MessageStream(Protocol):
    """One answer that is being generated."""

    def push(self, text: str) -> Sequence[Delta]:
        """The deltas that more text brings."""
        ...

    def finish(self, text: str) -> Sequence[Delta]:
        """The deltas of the last text, and of what was held back."""
        ...

    def finish_reason(self, reason: str) -> str:
        """The reason, or a better one that the message itself tells."""
        ...

    def message(self) -> Delta:
        """The whole message so far."""
        ...


def new_message_stream(job: Job) -> MessageStream:
    """The stream that suits a job."""
    is_shown = job.params.echo or not (job.params.is_continuation and job.params.stream)
    return ContentStream(job.prefill if is_shown else "")


class ContentStream:
    """Everything is content. prefill: the beginning that is shown again, with the first text.

    As in the reference it is shown unless the request itself asked for a continuation (rather than
    ended with the assistant's message) and for a stream.
    """

    def __init__(self, prefill: str) -> None:
        self._prefill = prefill
        self._texts: list[str] = []

    def push(self, text: str) -> Sequence[Delta]:
        """One delta, unless there is no text."""
        if self._prefill:
            text, self._prefill = self._prefill + text, ""
        if not text:
            return ()
        self._texts.append(text)
        return ({"content": text},)

    def finish(self, text: str) -> Sequence[Delta]:
        """Nothing is held back here."""
        return self.push(text)

    def finish_reason(self, reason: str) -> str:
        """Content tells no other reason."""
        return reason

    def message(self) -> Delta:
        """The text as a message."""
        return {"role": "assistant", "content": "".join(self._texts)}
