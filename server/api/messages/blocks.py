"""What a message gains -> Anthropic's content blocks, whole or as the events of a stream.

Blocks stand in the order in which the model writes them, and one ends before the next begins. Both
forms are folds over the same deltas, so that a client that adds events up has the whole message.
Knows no engine and no HTTP. Answers to to_json_anthropic and its streaming form in llama.cpp
`tools/server/server-task.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import orjson

from server.chat.delta import CallDelta
from server.chat.delta import ContentDelta
from server.chat.delta import Delta
from server.chat.delta import ReasoningDelta

Json = dict[str, object]

EVENT = b"event: %s\ndata: %s\n\n"
DELTA = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":%s}}\n\n'
)
SIGNATURE = ""
"""Thoughts are signed so that Anthropic believes them; here nobody has to."""


class Kind(Enum):
    """What a block is."""

    THINKING = "thinking"
    TEXT = "text"
    CALL = "tool_use"


def event(kind: str, fields: Json) -> bytes:
    """One event; its name is its type."""
    return EVENT % (kind.encode(), orjson.dumps({"type": kind, **fields}))


def _is_next(open_kind: Kind | None, delta: Delta) -> bool:
    """Whether a delta begins a block, given what the last one is."""
    match delta:
        case ReasoningDelta():
            return open_kind is not Kind.THINKING
        case ContentDelta():
            return open_kind is not Kind.TEXT
        case CallDelta(name=name):
            return bool(name)


def _opening(delta: Delta) -> tuple[Kind, Json]:
    """The empty block that a delta begins."""
    match delta:
        case ReasoningDelta():
            return Kind.THINKING, {"type": "thinking", "thinking": "", "signature": SIGNATURE}
        case ContentDelta():
            return Kind.TEXT, {"type": "text", "text": ""}
        case CallDelta(name=name, id=call_id):
            return Kind.CALL, {"type": "tool_use", "id": call_id, "name": name, "input": {}}


class BlockEvents:
    """The blocks of one message as events."""

    def __init__(self, *, shows_thoughts: bool) -> None:
        """shows_thoughts: else their blocks are empty."""
        self._shows_thoughts = shows_thoughts
        self._index = -1
        self._kind: Kind | None = None

    def push(self, deltas: Iterable[Delta]) -> bytes:
        """The events that deltas bring."""
        return b"".join([self._push(delta) for delta in deltas])

    def _push(self, delta: Delta) -> bytes:
        begun = b""
        if _is_next(self._kind, delta):
            begun = self.finish()
            self._index += 1
            self._kind, block = _opening(delta)
            begun += event("content_block_start", {"index": self._index, "content_block": block})
        return begun + self._more(delta)

    def _more(self, delta: Delta) -> bytes:
        match delta:
            case ContentDelta(text):
                return DELTA % (self._index, b"text_delta", b"text", orjson.dumps(text))
            case CallDelta(_, arguments):
                shown = orjson.dumps(arguments)
                return DELTA % (self._index, b"input_json_delta", b"partial_json", shown)
            case ReasoningDelta(text):
                if not self._shows_thoughts:
                    return b""
                return DELTA % (self._index, b"thinking_delta", b"thinking", orjson.dumps(text))

    def finish(self) -> bytes:
        """The events that end the last block, if one is open."""
        kind, self._kind = self._kind, None
        if kind is None:
            return b""
        stop = event("content_block_stop", {"index": self._index})
        if kind is Kind.THINKING:
            signature = orjson.dumps(SIGNATURE)
            return DELTA % (self._index, b"signature_delta", b"signature", signature) + stop
        return stop


def blocks_of(deltas: Iterable[Delta], *, shows_thoughts: bool) -> list[Json]:
    """The blocks of a whole message. A call whose arguments broke off has an empty input."""
    found: list[Json] = []
    texts: list[list[str]] = []
    kind: Kind | None = None
    for delta in deltas:
        if _is_next(kind, delta):
            kind, block = _opening(delta)
            found.append(block)
            texts.append([])
        texts[-1].append(delta.arguments if isinstance(delta, CallDelta) else delta.text)
    for block, pieces in zip(found, texts, strict=True):
        _fill(block, "".join(pieces), shows_thoughts)
    return found


def _fill(block: Json, text: str, shows_thoughts: bool) -> None:
    match block["type"]:
        case "text":
            block["text"] = text
        case "thinking":
            block["thinking"] = text if shows_thoughts else ""
        case _:
            block["input"] = _input(text)


def _input(arguments: str) -> object:
    try:
        found: object = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return {}
    return found
