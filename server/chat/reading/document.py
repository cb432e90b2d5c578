"""JSON documents that models put into a fence, as they do in Markdown; knows no format."""

from __future__ import annotations

from server.chat.reading.reader import Reader
from server.chat.reading.reader import Wait
from server.chat.reading.values import Emit
from server.chat.reading.values import json_value

BEGINNINGS = frozenset('{["')
FENCE, FENCE_END = "```json", "```"


def document(reader: Reader, emit: Emit) -> Wait[None]:
    """Emit a document, if one comes next: no text in it is markup. A fence is left out."""
    is_fenced = yield from reader.accept(FENCE)
    if is_fenced:
        yield from reader.skip_space()
    if is_fenced or (yield from reader.first_letter()) in BEGINNINGS:
        yield from reader.skip_space()
        yield from json_value(reader, emit)
    if is_fenced:
        yield from reader.accept_end(FENCE_END)
