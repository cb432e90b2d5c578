"""The message as it is being read: collects deltas, decides what white space is worth."""

from __future__ import annotations

from collections.abc import Callable

from server.chat.delta import CallDelta
from server.chat.delta import ContentDelta
from server.chat.delta import Delta
from server.chat.delta import ParsedMessage
from server.chat.delta import ReasoningDelta
from server.chat.delta import ToolCall


class Draft:
    """What was read so far.

    Reasoning that is nothing but white space is none. Nor is content before or after tool calls.
    keeps_space: white space at the beginning is content.
    """

    def __init__(self, new_id: Callable[[], str], *, keeps_space: bool) -> None:
        self.message = ParsedMessage()
        self._new_id = new_id
        self._pending: list[Delta] = []
        self._held_reasoning = ""
        self._held_content = ""
        self._drops_space = not keeps_space
        self._holds_content = not keeps_space

    def reasoning(self, text: str) -> None:
        """More reasoning."""
        if not self.message.reasoning:
            text = self._held_reasoning + text
            self._held_reasoning = "" if text.strip() else text
            if self._held_reasoning:
                return
        self.message.reasoning += text
        self._add(ReasoningDelta(text))

    def end_reasoning(self) -> None:
        """White space after it is the content's if content follows."""
        self._drops_space = False
        self._holds_content = True

    def content(self, text: str) -> None:
        """More content."""
        if self._holds_content:
            if self._drops_space:
                text = text.lstrip()
            text = self._held_content + text
            if not text.strip():
                self._held_content = text
                return
            self._holds_content = self._drops_space = False
            self._held_content = ""
        if text:
            self.message.content += text
            self._add(ContentDelta(text))

    @property
    def is_begun(self) -> bool:
        """Whether white space that comes now is content, and nothing is held back."""
        return not self._holds_content

    def begin_call(self, name: str, call_id: str) -> None:
        """A call; all arguments are objects, so that one has begun with it."""
        self._held_content = ""
        self._holds_content, self._drops_space = True, False
        call = ToolCall(call_id or self._new_id(), name, "{")
        self.message.calls.append(call)
        self._pending.append(CallDelta(len(self.message.calls) - 1, "{", name, call.id))

    def arguments(self, text: str) -> None:
        """More of the last call's arguments."""
        self.message.calls[-1].arguments += text
        self._add(CallDelta(len(self.message.calls) - 1, text))

    def drain(self) -> list[Delta]:
        """The deltas since the last time."""
        pending, self._pending = self._pending, []
        return pending

    def _add(self, delta: Delta) -> None:
        last = self._pending[-1] if self._pending else None
        match last, delta:
            case ReasoningDelta(a), ReasoningDelta(b):
                self._pending[-1] = ReasoningDelta(a + b)
            case ContentDelta(a), ContentDelta(b):
                self._pending[-1] = ContentDelta(a + b)
            case CallDelta(i, a, name, call_id), CallDelta(j, b) if i == j:
                self._pending[-1] = CallDelta(i, a + b, name, call_id)
            case _:
                self._pending.append(delta)
