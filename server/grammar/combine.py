"""Rewritten schemas, and how several of them become one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from typing import Protocol

from server.grammar.dialect import Dialect
from server.grammar.dialect import Json
from server.grammar.references import Place

Schema = dict[str, Any] | bool
"""A schema of the newest draft with those keywords that llguidance keeps exactly."""

TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
APPLICATORS = frozenset({"$ref", "allOf", "anyOf", "oneOf"})


class Rewriter(Protocol):
    """Who rewrites the schemas within a schema."""

    @property
    def dialect(self) -> Dialect:
        """The draft of the document."""
        ...

    def schema(self, place: Place) -> Schema:
        """One schema of the document, rewritten. SchemaRefused."""
        ...


def types_of(known: Json) -> frozenset[str]:
    """The types that a schema allows."""
    given = known.get("type", TYPES)
    return frozenset({given}) if isinstance(given, str) else frozenset(given)


def is_open(schema: Schema) -> bool:
    """Whether a schema allows everything."""
    return schema is True or schema == {}


def conjunction(parts: Iterable[Schema]) -> Schema:
    """What all of them allow."""
    solid = [part for part in parts if not is_open(part)]
    if any(part is False for part in solid):
        return False
    merged: dict[str, Any] = {}
    rest: list[Schema] = []
    for part in solid:
        assert isinstance(part, dict)
        is_apart = not (part.keys() & merged.keys())
        if not merged or (is_apart and part.keys() <= APPLICATORS):
            merged |= part
        else:
            rest.append(part)
    if rest:
        merged["allOf"] = [*merged.get("allOf", []), *rest]
    return merged


def any_of(branches: Iterable[Schema]) -> Schema:
    """What at least one of them allows."""
    left = [branch for branch in branches if branch is not False]
    if any(is_open(branch) for branch in left):
        return True
    if len(left) == 1:
        return left[0]
    return {"anyOf": left} if left else False
