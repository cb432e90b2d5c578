"""What all notations of arguments have in common: objects, arrays and choices of them, as rules.

A property comes at most once, in the order of the schema; those that are required come. Objects
have no properties but those that are named. What can't be held to is refused (SchemaRefused), or
left out where there are other values.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.chat.grammar.kinds import ANNOTATIONS
from server.chat.grammar.kinds import CHOICES
from server.chat.grammar.kinds import check_simple
from server.chat.grammar.kinds import values_of
from server.chat.grammar.rules import Rules
from server.chat.grammar.rules import choice
from server.chat.grammar.rules import optional
from server.chat.grammar.rules import sequence
from server.chat.tools import Schema
from server.grammar import SchemaRefused
from server.grammar import json_rule
from server.grammar import quote

MAX_DEPTH = 16
"""How deep values may be nested where they aren't JSON."""
MAX_VALUES = 5000
"""Places for values: references may multiply them."""
ANY_ITEM = {"type": ["string", "number", "boolean", "null"]}
"""What items are of which nothing is said: lists within lists would have no end."""


@dataclass(frozen=True, slots=True)
class Member:
    """A property of an object. pointer: where its schema stands."""

    name: str
    schema: Schema
    pointer: str
    is_required: bool


Value = Callable[[Schema, str, int], str | None]
Plain = Callable[[Mapping[str, Any]], str]


class Notation:
    """What all notations of objects have in common. ends: what no name may have in it."""

    ends: tuple[str, ...] = ()

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._n_values = 0

    def object(self, schema: Schema, pointer: str, depth: int) -> str | None:
        """An object; None for one that is listed, which only JSON can be. SchemaRefused.

        schema: of objects alone.
        """
        return self._unlisted(
            schema,
            pointer,
            depth,
            self.object,
            lambda node: self.members(list(self._members(schema, pointer)), depth),
        )

    def members(self, found: list[Member], depth: int) -> str:
        """An object with some members."""
        raise NotImplementedError

    def array(self, schema: Schema, pointer: str, depth: int) -> str | None:
        """An array; None for one that is listed. schema: of arrays alone. SchemaRefused."""

        def plain(node: Mapping[str, Any]) -> str:
            items = Schema(node.get("items", ANY_ITEM), schema.root)
            return self.items(schema, items, f"{pointer}/items", depth)

        return self._unlisted(schema, pointer, depth, self.array, plain)

    def items(self, schema: Schema, items: Schema, pointer: str, depth: int) -> str:
        """An array of some items."""
        raise NotImplementedError

    def _unlisted(
        self, schema: Schema, pointer: str, depth: int, value: Value, plain: Plain
    ) -> str | None:
        """What plain makes of a schema, value of the parts of a choice. None: it is listed."""
        self._step(pointer, depth)
        check_simple(schema, pointer)
        node = schema.node
        assert isinstance(node, Mapping)
        if values_of(node) is not None:
            return None
        for keyword in sorted(CHOICES):
            if keyword in node:
                parts = self._choices(schema, keyword, pointer, depth, value)
                return choice(parts) if parts else None
        return plain(node)

    def _choices(
        self, schema: Schema, keyword: str, pointer: str, depth: int, value: Value
    ) -> list[str]:
        node = schema.node
        assert isinstance(node, Mapping)
        for other in node:
            if other not in ANNOTATIONS and other not in (keyword, "type"):
                message = f"can't be held to beside {keyword} for this model; put it in each choice"
                raise SchemaRefused(pointer, other, message)
        if keyword == "oneOf":
            # refused unless no value can be of two kinds
            json_rule(closed(schema.whole), pointer)
        parts = [
            value(Schema(part, schema.root), f"{pointer}/{keyword}/{i}", depth + 1)
            for i, part in enumerate(node[keyword])
        ]
        return [part for part in parts if part is not None]

    def _members(self, schema: Schema, pointer: str) -> Iterator[Member]:
        """An object's properties."""
        node = schema.node
        assert isinstance(node, Mapping)
        properties = node.get("properties", {})
        for name in schema.required - properties.keys():
            message = f"names {name!r}, which properties doesn't describe"
            raise SchemaRefused(pointer, "required", message)
        for name, member in properties.items():
            place = f"{pointer}/properties/{name.replace('~', '~0').replace('/', '~1')}"
            is_required = name in schema.required
            if any(end in name for end in self.ends) or name != name.strip() or not name:
                if is_required:
                    raise SchemaRefused(place, "", "has a name that this model can't write")
            elif is_required or member is not False:
                yield Member(name, Schema(member, schema.root), place, is_required)

    def _step(self, pointer: str, depth: int) -> None:
        """Refuse schemas that refer to themselves, or are too deep. SchemaRefused."""
        self._n_values += 1
        if depth > MAX_DEPTH:
            raise SchemaRefused(
                pointer, "", f"values may be {MAX_DEPTH} levels deep for this model"
            )
        if self._n_values > MAX_VALUES:
            raise SchemaRefused(pointer, "$ref", "multiplies values; use it less")


def closed(node: Any) -> Any:
    """A schema in which objects have no properties but the named, unless it says otherwise."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: _closed_member(key, item) for key, item in node.items()}
    is_object = "properties" in node or node.get("type") == "object"
    if is_object and "properties" in node and "patternProperties" not in node:
        found.setdefault("additionalProperties", False)
    return found


def _closed_member(key: str, item: Any) -> Any:
    if key in ("enum", "const", "default", "examples", "required"):
        return item
    if key in ("properties", "$defs", "definitions", "patternProperties"):
        return (
            {name: closed(part) for name, part in item.items()} if isinstance(item, dict) else item
        )
    return closed(item)


def joined(parts: list[tuple[str, bool]], comma: str) -> str:
    """Parts in order with commas between those that are there; (expression, is_required)."""
    if not parts:
        return ""
    if any(is_required for _, is_required in parts):
        first = next(i for i, (_, is_required) in enumerate(parts) if is_required)
        before = [optional(sequence(part, quote(comma))) for part, _ in parts[:first]]
        after = [
            sequence(quote(comma), part) if needed else optional(sequence(quote(comma), part))
            for part, needed in parts[first + 1 :]
        ]
        return sequence(*before, parts[first][0], *after)
    chains = [
        sequence(part, *(optional(sequence(quote(comma), later)) for later, _ in parts[i + 1 :]))
        for i, (part, _) in enumerate(parts)
    ]
    return optional(choice(chains))


def one_of(parts: list[str], pointer: str) -> str:
    """One of the ways to write a value. SchemaRefused if there is none."""
    if not parts:
        raise SchemaRefused(pointer, "", "allows nothing that this model can write")
    return choice(parts)


def is_always_empty(schema: Schema, items: Schema) -> bool:
    """Whether an array can have no items."""
    node = schema.node
    return items.node is False or (isinstance(node, Mapping) and node.get("maxItems") == 0)


def repeated(schema: Schema, item: str, comma: str) -> str:
    """The items of an array."""
    node = schema.node
    assert isinstance(node, Mapping)
    least, most = int(node.get("minItems", 0)), node.get("maxItems")
    items = item
    if most != 1:  # the grammar knows no range that ends at 0
        upper = "" if most is None else str(int(most) - 1)
        items = sequence(item, f"({sequence(comma, item)}){{{max(least - 1, 0)},{upper}}}")
    return items if least else optional(items)
