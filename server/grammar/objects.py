"""Keywords of objects -> those that llguidance keeps exactly.

It writes properties in the order of the schema, then others; of the others it may repeat a name, so
that they can't be counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from server.grammar.combine import Rewriter
from server.grammar.combine import Schema
from server.grammar.combine import any_of
from server.grammar.combine import conjunction
from server.grammar.combine import is_open
from server.grammar.dialect import Json
from server.grammar.errors import SchemaRefused
from server.grammar.references import Place
from server.grammar.strings import format_patterns
from server.grammar.strings import translated

MAX_DEPENDENCIES = 6
"""Each one doubles what has to be told apart."""

APPLICATORS = {"$ref", "allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas", "dependencies"}


def object_parts(
    known: Json, place: Place, rewriter: Rewriter
) -> tuple[dict[str, Any], list[Schema]]:
    """The keywords of one schema, and schemas that must hold, too. SchemaRefused."""
    kept: dict[str, Any] = {}
    for keyword in ("properties", "patternProperties"):
        if known.get(keyword):
            kept[keyword] = _members(keyword, known[keyword], place, rewriter)
    if known.get("required"):
        kept["required"] = list(dict.fromkeys(known["required"]))
    additional = _additional(known, place, rewriter)
    if additional is not None and not is_open(additional):
        kept["additionalProperties"] = additional
    _name(kept, known, place, rewriter)
    _count(kept, known, place)
    return kept, list(_dependencies(known, place, rewriter))


def _members(keyword: str, members: Json, place: Place, rewriter: Rewriter) -> dict[str, Schema]:
    schemas = {}
    for name, schema in members.items():
        key = name
        if keyword == "patternProperties":
            key = _one_pattern(translated(name, place.pointer, keyword), place, keyword)
        schemas[key] = rewriter.schema(place.child(schema, keyword, name))
    return schemas


def _one_pattern(patterns: list[str], place: Place, keyword: str) -> str:
    if len(patterns) != 1:
        raise SchemaRefused(place.pointer, keyword, "a name's pattern can't look ahead")
    return patterns[0]


def _additional(known: Json, place: Place, rewriter: Rewriter) -> Schema | None:
    """What other properties have to be."""
    if "additionalProperties" in known:
        return rewriter.schema(place.child(known["additionalProperties"], "additionalProperties"))
    keyword = "unevaluatedProperties"
    if keyword not in known or known[keyword] is True:
        return None
    if known.keys() & APPLICATORS:
        raise SchemaRefused(
            place.pointer,
            keyword,
            "can't be held to beside other schemas; name all properties in one schema with "
            "additionalProperties",
        )
    return rewriter.schema(place.child(known[keyword], keyword))


# names


def _name(kept: dict[str, Any], known: Json, place: Place, rewriter: Rewriter) -> None:
    """Hold the names of properties to `propertyNames`."""
    keyword = "propertyNames"
    if keyword not in known or is_open(known[keyword]):
        return
    inner = place.child(known[keyword], keyword)
    names = rewriter.schema(inner)
    properties = kept.get("properties", {})
    for name in [*properties, *(n for n in kept.get("required", ()) if n not in properties)]:
        if inner.schema is False or not rewriter.dialect.is_valid(
            inner.schema, name, inner.pointer
        ):
            properties[name] = False
    if properties:
        kept["properties"] = properties
    if "patternProperties" in kept:
        raise SchemaRefused(place.pointer, keyword, "can't be held to beside patternProperties")
    others = kept.get("additionalProperties", True)
    if others is False:
        return
    kept["additionalProperties"] = False
    if isinstance(names, dict) and names.keys() == {"enum"}:
        listed = [name for name in names["enum"] if isinstance(name, str)]
        kept["properties"] = properties | {n: others for n in listed if n not in properties}
    elif names is not False:
        kept["patternProperties"] = {_pattern_of_names(inner, rewriter): others}


def _pattern_of_names(names: Place, rewriter: Rewriter) -> str:
    """The one expression that names have to match. SchemaRefused."""
    schema = names.schema
    said = {key: value for key, value in schema.items() if key in rewriter.dialect.keywords}
    if said.pop("type", "string") == "string":
        match sorted(said):
            case ["pattern"]:
                found = translated(said["pattern"], names.pointer, "pattern")
                return _one_pattern(found, names, "pattern")
            case ["format"]:
                found = format_patterns(said["format"], names.pointer)
                return _one_pattern(found or [""], names, "format")
            case ["minLength"] | ["maxLength"] | ["maxLength", "minLength"]:
                least, most = int(said.get("minLength", 0)), said.get("maxLength", "")
                return f"^(?s:.{{{least},{most if most == '' else int(most)}}})$"
            case []:
                return ""
    raise SchemaRefused(
        names.pointer, "", "names can be held to one of enum, pattern, format, and lengths alone"
    )


# numbers of properties


def _count(kept: dict[str, Any], known: Json, place: Place) -> None:
    n_required = len(kept.get("required", ()))
    least = int(known.get("minProperties", 0))
    if least > n_required + 1:
        raise SchemaRefused(
            place.pointer,
            "minProperties",
            "can't be held to beyond one more than are required; name more of them in required",
        )
    if least > n_required:
        kept["minProperties"] = least
    if "maxProperties" in known:
        most = int(known["maxProperties"])
        named = {*kept.get("properties", ()), *kept.get("required", ())}
        is_closed = kept.get("additionalProperties") is False and not kept.get("patternProperties")
        if not (is_closed and len(named) <= most):
            kept["maxProperties"] = most


# dependencies


def _dependencies(known: Json, place: Place, rewriter: Rewriter) -> Iterator[Schema]:
    found = [
        *(("dependentRequired", name, names) for name, names in _of(known, "dependentRequired")),
        *(("dependentSchemas", name, schema) for name, schema in _of(known, "dependentSchemas")),
        *(("dependencies", name, either) for name, either in _of(known, "dependencies")),
    ]
    if len(found) > MAX_DEPENDENCIES:
        message = f"at most {MAX_DEPENDENCIES} dependencies can be held to in one object"
        raise SchemaRefused(place.pointer, found[0][0], message)
    for keyword, name, wanted in found:
        if isinstance(wanted, list):
            then: Schema = {"required": list(dict.fromkeys([name, *wanted]))}
        else:
            inner = rewriter.schema(place.child(wanted, keyword, name))
            then = conjunction([{"required": [name]}, inner])
        yield any_of([{"properties": {name: False}}, then])


def _of(known: Json, keyword: str) -> list[tuple[str, Any]]:
    return list(known.get(keyword, {}).items())
