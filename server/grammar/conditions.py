"""`not` and `if` -> schemas without them, where that is possible.

What a schema forbids can be said in other words if it is about types or required properties; a
condition if it is about one property whose values are listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from server.grammar.combine import TYPES
from server.grammar.combine import Rewriter
from server.grammar.combine import Schema
from server.grammar.combine import any_of
from server.grammar.combine import conjunction
from server.grammar.combine import is_open
from server.grammar.combine import types_of
from server.grammar.dialect import Json
from server.grammar.errors import SchemaRefused
from server.grammar.references import Place


def negated(place: Place, rewriter: Rewriter) -> Schema:
    """A schema that allows what another forbids. SchemaRefused."""
    schema = place.schema
    if isinstance(schema, bool):
        return not schema
    said = {key: value for key, value in schema.items() if key in rewriter.dialect.keywords}
    match sorted(said):
        case []:
            return False
        case ["type"]:
            return _other_types(said["type"], place)
        case ["required"]:
            return {"type": "object"} | _lacking(said["required"])
        case ["required", "type"] if said["type"] == "object":
            others: Schema = {"type": sorted(TYPES - {"object", "integer"})}
            return any_of([others, {"type": "object"} | _lacking(said["required"])])
        case ["anyOf"]:
            branches = enumerate(said["anyOf"])
            return conjunction([negated(place.child(b, "anyOf", i), rewriter) for i, b in branches])
        case ["not"]:
            return rewriter.schema(place.child(said["not"], "not"))
    raise SchemaRefused(
        place.pointer, "", "'not' can be held to for types and required properties alone"
    )


def _lacking(names: list[str]) -> dict[str, Any]:
    """At least one of the names is missing; none can be missing from no names."""
    found = any_of([{"properties": {name: False}} for name in names])
    return found if isinstance(found, dict) else {"anyOf": []}


def _other_types(types: str | list[str], place: Place) -> Schema:
    forbidden = {types} if isinstance(types, str) else set(types)
    if "integer" in forbidden and "number" not in forbidden:
        raise SchemaRefused(place.pointer, "type", "numbers that are no integers can't be held to")
    if "number" in forbidden:
        forbidden.add("integer")
    else:
        forbidden.discard("integer")
    left = TYPES - forbidden - ({"integer"} if "number" not in forbidden else set())
    return {"type": sorted(left)} if left else False


def condition_parts(known: Json, place: Place, rewriter: Rewriter) -> Iterator[Schema]:
    """What `if`, `then` and `else` ask for. SchemaRefused."""
    if "if" not in known or not known.keys() & {"then", "else"}:
        return
    condition = place.child(known["if"], "if")
    then, other = (
        rewriter.schema(place.child(known[key], key)) if key in known else True
        for key in ("then", "else")
    )
    if isinstance(condition.schema, bool) or is_open(condition.schema):
        yield then if condition.schema is not False else other
        return
    yield any_of(_cases(known, condition, then, other, rewriter))


def _cases(
    known: Json, condition: Place, then: Schema, other: Schema, rewriter: Rewriter
) -> Iterator[Schema]:
    """The property that decides has a value of the one kind, or of the other, or is missing."""
    name, wanted, is_asked = _deciding(condition, rewriter)
    values = _values(known.get("properties", {}).get(name))
    if values is None:
        raise _undecided(condition)
    inner = condition.child(wanted, "properties", name)
    fits = [rewriter.dialect.is_valid(inner.schema, v, inner.pointer) for v in values]
    for wants, result in ((True, then), (False, other)):
        chosen = [value for value, fit in zip(values, fits, strict=True) if fit is wants]
        if chosen:
            has = {"type": "object", "properties": {name: {"enum": chosen}}, "required": [name]}
            yield conjunction([has, result])
    if name not in known.get("required", ()):
        lacks = {"type": "object", "properties": {name: False}}
        yield conjunction([lacks, other if is_asked else then])
    if types_of(known) != {"object"}:
        others = {"type": sorted(TYPES - {"object", "integer"})}
        yield conjunction([others, other if "type" in condition.schema else then])


def _deciding(condition: Place, rewriter: Rewriter) -> tuple[str, Any, bool]:
    """The one property that a condition is about, its schema, and whether it must be there."""
    said = {k: v for k, v in condition.schema.items() if k in rewriter.dialect.keywords}
    if said.pop("type", "object") == "object" and said.keys() <= {"properties", "required"}:
        properties, required = said.get("properties", {}), said.get("required", [])
        if len(properties) == 1 and set(required) <= properties.keys():
            ((name, schema),) = properties.items()
            if not isinstance(schema, bool):
                return name, schema, bool(required)
    raise _undecided(condition)


def _values(schema: object) -> list[object] | None:
    if isinstance(schema, dict):
        if "const" in schema:
            return [schema["const"]]
        if "enum" in schema:
            return list(schema["enum"])
        if schema.get("type") == "boolean":
            return [True, False]
    return None


def _undecided(condition: Place) -> SchemaRefused:
    return SchemaRefused(
        condition.pointer,
        "",
        "'if' can be held to for one property alone, whose values enum lists beside it; use anyOf",
    )
