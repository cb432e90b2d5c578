"""Which schemas allow at least one document that ends; the others would never let a model finish.

An estimate: it follows references, required properties and items, and takes everything else for
possible. Answers are about rewritten schemas.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping

from server.grammar.combine import Schema
from server.grammar.combine import types_of

Definitions = Mapping[str, Schema]


def endless(schema: Schema, definitions: Definitions) -> bool:
    """Whether no document of a schema has an end."""
    finished: set[str] = set()
    while True:
        new = {name for name, found in definitions.items() if _can_end(found, finished)} - finished
        if not new:
            return not _can_end(schema, finished)
        finished |= new


def refers_to_itself(definitions: Definitions) -> str | None:
    """A definition that is said to be itself, with nothing between."""
    for name in definitions:
        pending, seen = [name], {name}
        while pending:
            for other in _in_place(definitions[pending.pop()]):
                if other == name:
                    return name
                if other not in seen:
                    seen.add(other)
                    pending.append(other)
    return None


def _in_place(schema: Schema) -> Iterator[str]:
    """Definitions of the same value."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield _name(schema)
        for keyword in ("allOf", "anyOf", "oneOf"):
            for branch in schema.get(keyword, ()):
                yield from _in_place(branch)


def _name(schema: Mapping[str, object]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _can_end(schema: Schema, finished: set[str]) -> bool:
    if isinstance(schema, bool):
        return schema
    if "$ref" in schema and _name(schema) not in finished:
        return False
    if not all(_can_end(branch, finished) for branch in schema.get("allOf", ())):
        return False
    for keyword in ("anyOf", "oneOf"):
        branches = schema.get(keyword)
        if branches and not any(_can_end(branch, finished) for branch in branches):
            return False
    types = types_of(schema)
    if types - {"object", "array"}:
        return True
    return ("object" in types and _object_can_end(schema, finished)) or (
        "array" in types and _array_can_end(schema, finished)
    )


def _object_can_end(schema: Mapping[str, object], finished: set[str]) -> bool:
    properties = schema.get("properties", {})
    required = schema.get("required", ())
    assert isinstance(properties, dict) and isinstance(required, (list, tuple))
    return all(_can_end(properties.get(name, True), finished) for name in required)


def _array_can_end(schema: Mapping[str, object], finished: set[str]) -> bool:
    least, first = schema.get("minItems", 0), schema.get("prefixItems", [])
    assert isinstance(least, int) and isinstance(first, list)
    needed = first[:least]
    if least > len(first):
        rest = schema.get("items", True)
        assert isinstance(rest, (dict, bool))
        needed = [*needed, rest]
    return all(_can_end(item, finished) for item in needed)
