"""A schema told apart by the kinds of values that it allows: its texts, and its other values.

Notations write texts in another way than numbers or objects, so that each kind needs rules of its
own. What comes out allows no more than the schema does; at most less.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.chat.tools import Schema
from server.chat.tools import own_types
from server.chat.tools import type_name
from server.grammar import RegexRefused
from server.grammar import SchemaRefused
from server.grammar import format_pattern
from server.grammar import holding_pattern
from server.grammar import valid_values

MAX_STEPS = 2000
"""Schemas that are looked at in a search: references may multiply them."""
MAX_LISTED = 100
"""Integers between limits that are listed."""
ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated"}
    | {"strict", "$defs", "definitions"}
)
SIMPLE = ANNOTATIONS | frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf"}
    | {"oneOf", "$ref", "minItems", "maxItems", "minLength", "maxLength", "pattern", "format"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)
"""Keywords that all notations can be held to."""
CHOICES = frozenset({"anyOf", "oneOf"})


@dataclass(frozen=True, slots=True)
class Texts:
    """Some texts: those that are listed, or all that match every expression, each as a whole."""

    listed: tuple[str, ...] | None = None
    expressions: tuple[str, ...] = ()
    n_counted: int = 0
    """Letters that the expressions count."""


def check_simple(schema: Schema, pointer: str) -> None:
    """Refuse what only JSON can be held to. SchemaRefused."""
    node = schema.node if isinstance(schema.node, Mapping) else {}
    for keyword in node:
        if keyword not in SIMPLE and not keyword.startswith("x-"):
            raise SchemaRefused(pointer, keyword, "can't be held to in the way this model writes")


def texts_allowed(schema: Schema, pointer: str) -> list[Texts]:
    """The texts that a schema allows. SchemaRefused."""
    found = _Search(schema.root).texts(schema, pointer)
    listed = dict.fromkeys(text for texts in found for text in texts.listed or ())
    valid = tuple(valid_values(schema.node, schema.root, list(listed)))
    others = [texts for texts in found if texts.listed is None]
    return ([Texts(valid)] if valid else []) + list(dict.fromkeys(others))


def limited(schema: Schema, types: Iterable[str], pointer: str) -> Schema | None:
    """The schema for values of some types alone; None if it allows none. SchemaRefused."""
    node = _Search(schema.root).limited(schema, frozenset(types), pointer)
    return None if node is False else Schema(node, schema.root)


class _Search:
    """Goes through a schema and what it refers to."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._n_steps = 0

    def texts(self, schema: Schema, pointer: str) -> list[Texts]:
        self._step(pointer)
        node = schema.node
        if not isinstance(node, Mapping):
            return [] if node is False else [Texts()]
        check_simple(schema, pointer)
        types = own_types(node)
        if types is not None and "string" not in types:
            return []
        if (values := values_of(node)) is not None:
            listed = tuple(value for value in values if isinstance(value, str))
            return [Texts(listed)] if listed else []
        counted = _n_counted(node, pointer)
        found = [Texts(expressions=tuple(_expressions(node, pointer)), n_counted=counted)]
        if "$ref" in node:
            found = _both(found, self.texts(self._referred(node["$ref"], pointer), pointer))
        for keyword in sorted(CHOICES):
            if isinstance(choices := node.get(keyword), list):
                parts = [
                    self.texts(Schema(part, self._root), f"{pointer}/{keyword}/{i}")
                    for i, part in enumerate(choices)
                ]
                if keyword == "oneOf":
                    _check_apart(parts, pointer)
                found = _both(found, [texts for part in parts for texts in part])
        return found

    def limited(self, schema: Schema, types: frozenset[str], pointer: str) -> Any:
        """The node; False if nothing is left."""
        self._step(pointer)
        node = schema.node
        if not isinstance(node, Mapping):
            return False if node is False else {"type": sorted(types)}
        found = dict(node)
        own = own_types(node)
        kept = types if own is None else _met(own, types)
        if not kept:
            return False
        if own is not None and "type" in node:
            found["type"] = sorted(kept)
        is_typed = "type" in node
        if (values := values_of(node)) is not None:
            left = [value for value in values if type_name(value) in kept]
            left = valid_values(node, self._root, left)
            found.pop("const", None)
            found["enum"] = left
            return found if left else False
        for keyword in sorted(CHOICES & node.keys()):
            found[keyword] = self._limited_choices(node[keyword], kept, f"{pointer}/{keyword}")
            if not found[keyword]:
                return False
            is_typed = True
        if "$ref" in node:
            referred = self._referred(found.pop("$ref"), pointer)
            part = self.limited(referred, kept, pointer)
            if part is False:
                return False
            if found.keys() <= ANNOTATIONS:
                return found | part
            found["allOf"] = [*found.get("allOf", []), part]
            is_typed = True
        if not is_typed:
            found["type"] = sorted(kept)
        return found

    def _limited_choices(self, choices: object, types: frozenset[str], pointer: str) -> list[Any]:
        """Those that are left of some."""
        given = choices if isinstance(choices, list) else []
        parts = [
            self.limited(Schema(part, self._root), types, f"{pointer}/{i}")
            for i, part in enumerate(given)
        ]
        return [part for part in parts if part is not False]

    def _step(self, pointer: str) -> None:
        self._n_steps += 1
        if self._n_steps > MAX_STEPS:
            raise SchemaRefused(pointer, "$ref", "refers to itself, or to too many schemas")

    def _referred(self, reference: object, pointer: str) -> Schema:
        if not isinstance(reference, str) or not (reference + "/").startswith("#/"):
            raise SchemaRefused(pointer, "$ref", "must begin with '#/' here")
        return Schema({"$ref": reference}, self._root).referred(reference)


def values_of(node: Mapping[str, Any]) -> list[Any] | None:
    """The values that a schema lists."""
    if "const" in node:
        return [node["const"]]
    values = node.get("enum")
    return values if isinstance(values, list) else None


def listed_values(schema: Schema) -> list[Any]:
    """The values that a schema lists, or its integers if those are few; perhaps more."""
    node = schema.node
    if not isinstance(node, Mapping):
        return []
    found = list(values_of(node) or ())
    least, most = node.get("minimum"), node.get("maximum")
    if isinstance(least, int) and isinstance(most, int) and most - least < MAX_LISTED:
        found += range(least, most + 1)
    for keyword in sorted(CHOICES):
        for part in node.get(keyword) or ():
            found += listed_values(Schema(part, schema.root))
    return found


def _met(own: frozenset[str], types: frozenset[str]) -> frozenset[str]:
    """The types in both; integers are numbers."""
    found = own & types
    if "number" in types and "integer" in own:
        found |= {"integer"}
    return found


def _n_counted(node: Mapping[str, Any], pointer: str) -> int:
    """Letters that the limits of a text's length count. SchemaRefused."""
    least, most = int(node.get("minLength", 0)), node.get("maxLength")
    if most is not None and least > most:
        raise SchemaRefused(pointer, "minLength", "is more than maxLength")
    return max(least, int(most or 0))


def _expressions(node: Mapping[str, Any], pointer: str) -> list[str]:
    """What every text has to match."""
    found = []
    least, most = int(node.get("minLength", 0)), node.get("maxLength")
    if least or most is not None:
        found.append(f"(?s:.{{{least},{'' if most is None else int(most)}}})")
    for keyword, pattern in (
        ("pattern", node.get("pattern")),
        ("format", format_pattern(node.get("format"))),
    ):
        if isinstance(pattern, str):
            try:
                found.append(f"(?:{holding_pattern(pattern)})")
            except RegexRefused as error:
                raise SchemaRefused(pointer, keyword, str(error)) from None
    return found


def _both(some: list[Texts], others: list[Texts]) -> list[Texts]:
    """Texts that are among both; of those that are listed, perhaps more."""
    return [_joined(one, other) for one in some for other in others]


def _joined(one: Texts, other: Texts) -> Texts:
    if one.listed is not None:
        return one
    if other.listed is not None:
        return other
    expressions = one.expressions + other.expressions
    return Texts(expressions=expressions, n_counted=one.n_counted + other.n_counted)


def _check_apart(parts: list[list[Texts]], pointer: str) -> None:
    """Refuse a choice of exactly one where a text may be of two. SchemaRefused."""
    filled = [part for part in parts if part]
    is_listed = all(texts.listed is not None for part in filled for texts in part)
    if len(filled) > 1 and not is_listed:
        message = "allows texts in several ways, which may be one text; use anyOf"
        raise SchemaRefused(pointer, "oneOf", message)
