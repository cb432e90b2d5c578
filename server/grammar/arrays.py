"""Keywords of arrays -> those that llguidance keeps exactly."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from server.grammar.combine import Rewriter
from server.grammar.combine import Schema
from server.grammar.dialect import Json
from server.grammar.errors import SchemaRefused
from server.grammar.references import Place

MAX_LEAST = 1000
"""An array that has to be longer than that is never finished."""
MAX_MOST = 2**31 - 1
MAX_LISTED = 400
"""So many arrays of different items are listed, at most."""


def array_parts(
    known: Json, place: Place, rewriter: Rewriter
) -> tuple[dict[str, Any], list[Schema]]:
    """The keywords of one schema, and schemas that must hold, too. SchemaRefused."""
    least, most = int(known.get("minItems", 0)), known.get("maxItems")
    if least > MAX_LEAST:
        raise SchemaRefused(place.pointer, "minItems", f"must be at most {MAX_LEAST}")
    kept: dict[str, Any] = {"minItems": least} if least else {}
    if most is not None:
        most = kept["maxItems"] = min(int(most), MAX_MOST)
    kept |= _items(known, place, rewriter)
    if "contains" in known and (known.get("minContains") != 0 or "maxContains" in known):
        raise SchemaRefused(
            place.pointer, "contains", "can't be held to; say with prefixItems where the item is"
        )
    if known.get("uniqueItems") and (most is None or most > 1):
        return {}, [{"anyOf": [{"type": OTHERS}, _listed(kept, place)]}]
    return kept, []


OTHERS = ["null", "boolean", "number", "string", "object"]


def _items(known: Json, place: Place, rewriter: Rewriter) -> dict[str, Any]:
    """`prefixItems` and `items`, whatever the draft calls them."""
    first, rest = known.get("prefixItems"), ("items", known.get("items"))
    name = "prefixItems"
    if rewriter.dialect.has_item_arrays:
        first = None
        if isinstance(known.get("items"), list):
            name, first, rest = (
                "items",
                known["items"],
                ("additionalItems", known.get("additionalItems")),
            )
    kept: dict[str, Any] = {}
    if first:
        kept["prefixItems"] = [
            rewriter.schema(place.child(item, name, i)) for i, item in enumerate(first)
        ]
    keyword, schema = rest
    if schema is None and "unevaluatedItems" in known:
        keyword, schema = "unevaluatedItems", known["unevaluatedItems"]
        if schema is not True and known.keys() & {
            "$ref",
            "allOf",
            "anyOf",
            "oneOf",
            "if",
            "contains",
        }:
            raise SchemaRefused(place.pointer, keyword, "can't be held to beside other schemas")
    if schema is not None:
        kept["items"] = rewriter.schema(place.child(schema, keyword))
    return kept


def _listed(kept: Json, place: Place) -> Schema:
    """All arrays without equal items, where there are few."""
    values = _values(kept.get("items", True), place)
    if kept.get("prefixItems"):
        raise _not_unique(place)
    most = min(kept.get("maxItems", len(values)), len(values))
    arrays: list[list[object]] = []
    for n in range(kept.get("minItems", 0), most + 1):
        for array in itertools.permutations(values, n):
            arrays.append([*array])
            if len(arrays) > MAX_LISTED:
                raise _not_unique(place)
    return {"enum": arrays} if arrays else False


def _values(schema: Schema, place: Place) -> list[object]:
    """All values that items may have; equal ones once."""
    if isinstance(schema, dict) and schema.keys() == {"enum"}:
        return list(_distinct(schema["enum"]))
    if schema == {"type": "boolean"}:
        return [False, True]
    raise _not_unique(place)


def _distinct(values: list[object]) -> Iterator[object]:
    seen: list[tuple[type, object]] = []
    for value in values:
        kind = (
            float
            if isinstance(value, (int, float)) and not isinstance(value, bool)
            else type(value)
        )
        if (kind, value) not in seen:
            seen.append((kind, value))
            yield value


def _not_unique(place: Place) -> SchemaRefused:
    return SchemaRefused(
        place.pointer,
        "uniqueItems",
        "can't be held to but for a few values in enum; leave it out, or list the values as "
        "properties of an object",
    )
