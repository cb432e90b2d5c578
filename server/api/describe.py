"""What the API description says of a route beyond its path: what it is asked, what it answers.

Small words to write JSON Schemas of answers with. It knows no route; `openapi` puts the document
together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Json = dict[str, object]

JSON_MEDIA = "application/json"
EVENTS_MEDIA = "text/event-stream"
TEXT_MEDIA = "text/plain"
HTML_MEDIA = "text/html"

TEXT: Json = {"type": "string"}
INT: Json = {"type": "integer"}
NUMBER: Json = {"type": "number"}
BOOL: Json = {"type": "boolean"}
OBJECT: Json = {"type": "object"}
ANY: Json = {}


def record(properties: Mapping[str, Json], optional: Mapping[str, Json] | None = None) -> Json:
    """An object that has these properties, and may have the optional ones and others."""
    return {
        "type": "object",
        "required": [*properties],
        "properties": {**properties, **(optional or {})},
    }


def array(items: Json) -> Json:
    """An array of any length."""
    return {"type": "array", "items": items}


def either(*forms: Json) -> Json:
    """One of these."""
    return {"anyOf": [*forms]}


def maybe(form: Json) -> Json:
    """This or null."""
    return either(form, {"type": "null"})


def one_of(*values: str) -> Json:
    """One of these texts."""
    return {"type": "string", "enum": [*values]}


@dataclass(frozen=True, eq=False)
class Answer:
    """What a route says where nothing is wrong."""

    help: str
    name: str = ""
    """The name of the schema; "" = the answer is no JSON."""

    schema: Mapping[str, object] | None = None
    media: str = JSON_MEDIA
    status: int = 200
    streams: bool = False
    """Whether `"stream": true` in the body makes it an event stream."""


@dataclass(frozen=True, slots=True)
class Param:
    """A part of the path or of the query, or a header."""

    name: str
    help: str
    schema: Mapping[str, object]
    place: str = "query"
    required: bool = False
