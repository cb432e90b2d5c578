"""What a message gains -> items of a response, and the events that tell of them as they grow.

A fold over the typed deltas of the chat core: reasoning, text and calls are items, each of which
ends where the next begins. However the deltas are cut, the items are the same. Events carry no
sequence numbers yet; `form` counts them. Answers to to_json_oaicompat_resp and its streaming form
in llama.cpp `tools/server/server-task.cpp`, whose events lack indexes and ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Protocol

from server.api.ids import new_id
from server.api.responses.custom import CustomInput
from server.api.responses.items import CALL
from server.api.responses.items import sealed
from server.api.responses.status import COMPLETED
from server.api.responses.status import IN_PROGRESS
from server.chat.delta import CallDelta
from server.chat.delta import ContentDelta
from server.chat.delta import Delta
from server.chat.delta import ReasoningDelta

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Shown:
    """How items are shown. custom: the names of custom tools."""

    custom: frozenset[str] = frozenset()
    as_summary: bool = False
    """Whether thoughts are a summary instead of content."""
    is_sealed: bool = False
    """Whether reasoning items carry their thoughts for clients that hand them back."""


class Part(Protocol):
    """An item that grows. Events lack `output_index`."""

    id: str

    def item(self, status: str) -> Json:
        """The item so far."""
        ...

    def begin(self) -> list[Json]:
        """Events after the item was added."""
        ...

    def more(self, text: str) -> list[Json]:
        """Events of a delta."""
        ...

    def end(self) -> list[Json]:
        """Events before the item is done."""
        ...


class Text(Part):
    """A message."""

    def __init__(self) -> None:
        self.id = new_id("msg_")
        self._text = ""
        self.logprobs: list[Json] = []
        """Of all tokens so far."""
        self.fresh: list[Json] = []
        """Of tokens since the last delta."""

    def item(self, status: str) -> Json:
        """With one part; with none before there is any text."""
        content = [self._part()] if self._text or status != IN_PROGRESS else []
        return {
            "type": "message",
            "id": self.id,
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def _part(self) -> Json:
        return {
            "type": "output_text",
            "text": self._text,
            "annotations": [],
            "logprobs": self.logprobs,
        }

    def _event(self, kind: str, **fields: object) -> Json:
        return {"type": f"response.{kind}", "item_id": self.id, "content_index": 0, **fields}

    def begin(self) -> list[Json]:
        """The part is there."""
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        return [self._event("content_part.added", part=part)]

    def more(self, text: str) -> list[Json]:
        """More text."""
        self._text += text
        self.logprobs += self.fresh
        logprobs, self.fresh = self.fresh, []
        return [self._event("output_text.delta", delta=text, logprobs=logprobs)]

    def end(self) -> list[Json]:
        """The text is whole."""
        self.logprobs += self.fresh
        self.fresh = []
        return [
            self._event("output_text.done", text=self._text, logprobs=self.logprobs),
            self._event("content_part.done", part=self._part()),
        ]


class Thoughts(Part):
    """Reasoning: its text as content, or as the summary that was asked for."""

    def __init__(self, shown: Shown) -> None:
        self.id = new_id("rs_")
        self.text = ""
        self._is_sealed = shown.is_sealed
        self._key, self._kind, self._index = "content", "reasoning_text", "content_index"
        self._added, self._done = "content_part.added", "content_part.done"
        if shown.as_summary:
            self._key, self._kind, self._index = "summary", "summary_text", "summary_index"
            self._added = "reasoning_summary_part.added"
            self._done = "reasoning_summary_part.done"

    def item(self, status: str) -> Json:
        """The item; without parts while it has just begun."""
        parts = [self._part(self.text)] if self.text else []
        item: Json = {"type": "reasoning", "id": self.id, "summary": [], "status": status}
        if self._key == "content":
            item["content"] = []
        item[self._key] = parts
        item["encrypted_content"] = sealed(self.text) if self._is_sealed and self.text else ""
        return item

    def _part(self, text: str) -> Json:
        return {"type": self._kind, "text": text}

    def _event(self, kind: str, **fields: object) -> Json:
        return {"type": f"response.{kind}", "item_id": self.id, self._index: 0, **fields}

    def _text_event(self, kind: str, **fields: object) -> Json:
        name = "reasoning_text" if self._key == "content" else "reasoning_summary_text"
        return self._event(f"{name}.{kind}", **fields)

    def begin(self) -> list[Json]:
        """The part is there."""
        return [self._event(self._added, part=self._part(""))]

    def more(self, text: str) -> list[Json]:
        """More thoughts."""
        self.text += text
        return [self._text_event("delta", delta=text)]

    def end(self) -> list[Json]:
        """They are whole."""
        return [
            self._text_event("done", text=self.text),
            self._event(self._done, part=self._part(self.text)),
        ]


class Call(Part):
    """A call of a function."""

    def __init__(self, name: str, call_id: str) -> None:
        self.id = f"fc_{call_id}"
        self._name = name
        self._call_id = f"{CALL}{call_id}"
        self._arguments = ""

    def item(self, status: str) -> Json:
        """The call so far."""
        return {
            "type": "function_call",
            "id": self.id,
            "status": status,
            "call_id": self._call_id,
            "name": self._name,
            "arguments": self._arguments,
        }

    def _event(self, kind: str, **fields: object) -> Json:
        name = f"response.function_call_arguments.{kind}"
        return {"type": name, "item_id": self.id, **fields}

    def begin(self) -> list[Json]:
        """Nothing: the item has no parts."""
        return []

    def more(self, text: str) -> list[Json]:
        """More arguments."""
        self._arguments += text
        return [self._event("delta", delta=text)]

    def end(self) -> list[Json]:
        """They are whole."""
        return [self._event("done", name=self._name, arguments=self._arguments)]


class CustomCall(Part):
    """A call of a custom tool."""

    def __init__(self, name: str, call_id: str) -> None:
        self.id = f"ctc_{call_id}"
        self._name = name
        self._call_id = f"{CALL}{call_id}"
        self._input = CustomInput()

    def item(self, status: str) -> Json:
        """The call so far."""
        return {
            "type": "custom_tool_call",
            "id": self.id,
            "status": status,
            "call_id": self._call_id,
            "name": self._name,
            "input": self._input.text,
        }

    def _event(self, kind: str, **fields: object) -> Json:
        name = f"response.custom_tool_call_input.{kind}"
        return {"type": name, "item_id": self.id, **fields}

    def begin(self) -> list[Json]:
        """Nothing: the item has no parts."""
        return []

    def more(self, text: str) -> list[Json]:
        """More of the text, if the arguments have any."""
        return self._deltas(self._input.push(text))

    def end(self) -> list[Json]:
        """It is whole."""
        deltas = self._deltas(self._input.finish())
        return [*deltas, self._event("done", input=self._input.text)]

    def _deltas(self, text: str) -> list[Json]:
        return [self._event("delta", delta=text)] if text else []


@dataclass(slots=True)
class Output:
    """The output of one response, as it grows."""

    shown: Shown
    done: list[Json] = field(default_factory=list)
    """The items that have ended."""
    reasoning: str = ""
    """All thoughts."""
    _open: Part | None = None
    _logprobs: list[Json] = field(default_factory=list)

    def items(self, status: str = IN_PROGRESS) -> list[Json]:
        """All items; status: of the one that has not ended."""
        return [*self.done, *([self._open.item(status)] if self._open else [])]

    def push(self, deltas: Iterable[Delta], logprobs: Sequence[Json] = ()) -> list[Json]:
        """The events of deltas. logprobs: of the tokens that brought them, if they are shown."""
        self._logprobs += logprobs
        return [event for delta in deltas for event in self._one(delta)]

    def _one(self, delta: Delta) -> list[Json]:
        match delta:
            case ReasoningDelta(text):
                self.reasoning += text
                begun = [] if isinstance(self._open, Thoughts) else self._next(Thoughts(self.shown))
            case ContentDelta(text):
                begun = [] if isinstance(self._open, Text) else self._next(Text())
                assert isinstance(self._open, Text)
                self._open.fresh, self._logprobs = self._logprobs, []
            case CallDelta(_, text, name, call_id):
                begun = self._next(self._call(name, call_id)) if name else []
        assert self._open
        return [*begun, *self._indexed(self._open.more(text))]

    def _call(self, name: str, call_id: str) -> Part:
        return CustomCall(name, call_id) if name in self.shown.custom else Call(name, call_id)

    def _next(self, part: Part) -> list[Json]:
        """Another item begins."""
        events = self.end(COMPLETED)
        self._open = part
        added: Json = {"type": "response.output_item.added", "item": part.item(IN_PROGRESS)}
        return [*events, *self._indexed([added, *part.begin()])]

    def end(self, status: str) -> list[Json]:
        """The open item has ended, if there is one."""
        part = self._open
        if part is None:
            return []
        if isinstance(part, Text):
            part.fresh, self._logprobs = self._logprobs, []
        events = part.end()
        item = part.item(status)
        events = self._indexed([*events, {"type": "response.output_item.done", "item": item}])
        self._open = None
        self.done.append(item)
        return events

    def _indexed(self, events: list[Json]) -> list[Json]:
        """Events of the open item."""
        index = len(self.done)
        return [event | {"output_index": index} for event in events]
