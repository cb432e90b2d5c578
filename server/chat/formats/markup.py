"""All fixed texts of a format, and the tags in them."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import fields
from dataclasses import is_dataclass

from server.chat.formats.format import Call
from server.chat.formats.format import Calls
from server.chat.formats.format import Channels
from server.chat.formats.format import Format
from server.chat.formats.format import JsonKeys
from server.chat.formats.texts import TAG


def texts_of(fmt: Format) -> frozenset[str]:
    """The fixed texts that a model may write."""
    return frozenset(text for text in _texts(fmt) if text)


def tags_of(fmt: Format) -> frozenset[str]:
    """Texts that are likely to be single tokens: tags, and what has no white space in it."""
    texts = texts_of(fmt)
    tags = {tag for text in texts for tag in TAG.findall(text)}
    return frozenset(tags | {chunk for text in texts for chunk in text.split()})


def _texts(part: object) -> Iterator[str]:
    match part:
        case str():
            yield part
        case tuple():
            for item in part:
                yield from _texts(item)
        case Mapping():
            yield from part.values()
        case JsonKeys():
            return
        case _ if is_dataclass(part) and not isinstance(part, type):
            for field in fields(part):
                if (type(part), field.name) not in UNWRITTEN:
                    yield from _texts(getattr(part, field.name))


UNWRITTEN = {
    (Channels, "reasoning"),
    (Channels, "call"),
    (Channels, "recipient"),
    (Call, "id_span"),
    (Calls, "turn_end"),
}
"""Expressions and numbers, and a token that ends the generation and so is not to be shown."""
