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
    return ContentStream(job.prefill if job.params.echo else "")


class ContentStream:
    """Everything is content; an echoed beginning comes with the first text."""

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
