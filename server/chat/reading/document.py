"""JSON documents that models put into a fence, as they do in Markdown; knows no format."""

from __future__ import annotations

from server.chat.reading.reader import Reader
from server.chat.reading.reader import Wait
from server.chat.reading.values import Emit
from server.chat.reading.values import json_value

FENCE, FENCE_END = "```json", "```"


def unfenced(reader: Reader, emit: Emit) -> Wait[None]:
    """Emit the document of a fence without it, if a fence comes next."""
    if not (yield from reader.accept(FENCE)):
        return
    yield from reader.skip_space()
    yield from json_value(reader, emit)
    yield from reader.accept_end(FENCE_END)
