"""Arguments that are valid under a schema, in each notation, as rules.

A property comes at most once, in the order of the schema; those that are required come. Objects
have no properties but those that are named, unless the schema says that they may. What can't be
held to in a notation is refused (SchemaRefused).
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from server.chat.formats.format import Arguments
from server.chat.formats.format import BracedArguments
from server.chat.formats.format import ElementArguments
from server.chat.formats.format import JsonArguments
from server.chat.formats.format import KeywordArguments
from server.chat.formats.format import TaggedArguments
from server.chat.grammar.rules import Rules
from server.chat.grammar.rules import choice
from server.chat.grammar.rules import optional
from server.chat.grammar.rules import sequence
from server.chat.grammar.strings import text_rule
from server.chat.tools import Schema
from server.grammar import SchemaRefused
from server.grammar import json_rule
from server.grammar import quote

TYPES = ("string", "number", "boolean", "null", "object", "array")
MAX_DEPTH = 16
"""How deep values may be nested where they aren't JSON."""
SIMPLE = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf"}
    | {"oneOf", "$ref", "$defs", "definitions", "title", "description", "default", "examples"}
    | {"$schema", "$id", "$comment", "minItems", "maxItems", "minLength", "maxLength", "pattern"}
    | {"format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    | {"deprecated", "strict"}
)
"""Keywords that all notations can be held to."""


def arguments_rule(rules: Rules, form: Arguments, schema: Schema, pointer: str) -> str:
    """The arguments of a call, from where the notation has their beginning to their end."""
    match form:
        case JsonArguments():
            return rules.add("json", json_rule(closed(schema.whole), pointer))
        case TaggedArguments():
            return _Tagged(rules, form).arguments(schema, pointer)
        case KeywordArguments():
            return _keywords(rules, schema, pointer)
        case BracedArguments():
            return _Nested(rules, form.quote).braced(schema, pointer, 0)
        case ElementArguments():
            return _Elements(rules, form).members(schema, pointer, 0)


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


def check_simple(schema: Schema, pointer: str) -> None:
    """Refuse what only JSON can be held to. SchemaRefused."""
    node = schema.node if isinstance(schema.node, Mapping) else {}
    for keyword in node:
        if keyword not in SIMPLE and not keyword.startswith("x-"):
            raise SchemaRefused(pointer, keyword, "can't be held to in the way this model writes")


def members(schema: Schema, pointer: str) -> Iterator[tuple[str, Schema, str, bool]]:
    """(name, schema, where that stands, whether it is required) of an object's properties."""
    check_simple(schema, pointer)
    for name, member in schema.members.items():
        place = f"{pointer}/properties/{name.replace('~', '~0').replace('/', '~1')}"
        check_simple(member, place)
        yield name, member, place, name in schema.required


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


def json_type(schema: Schema) -> str:
    """The one type that a value is written as; "string" if it may be a text, "" if any."""
    types = schema.types
    if types is None or "string" in types:
        return "string"
    if "integer" in types:
        return "number"
    return next((name for name in TYPES if name in types), "")


class _Tagged:
    """`<parameter=city>Paris</parameter>`."""

    def __init__(self, rules: Rules, form: TaggedArguments) -> None:
        self._rules = rules
        self._form = form

    def arguments(self, schema: Schema, pointer: str) -> str:
        parts = []
        for name, member, place, is_required in members(schema, pointer):
            part = self._rules.add("argument", self._argument(name, member, place))
            parts.append(part if is_required else optional(part))
        return sequence(*parts) if parts else ""

    def _argument(self, name: str, member: Schema, pointer: str) -> str:
        form, kind = self._form, json_type(member)
        middle = form.middles.get(kind, form.middle)
        head = quote(form.start + name + middle)
        if kind == "string":
            text = text_rule(self._rules, member, form.end, pointer, cdata=form.has_cdata)
            return sequence(head, text)
        value = self._rules.add("json", json_rule(closed(member.whole), pointer))
        return sequence(head, value, quote(form.end))


def _keywords(rules: Rules, schema: Schema, pointer: str) -> str:
    """`city="Paris", days=3`: the values are JSON."""
    parts = []
    for name, member, place, is_required in members(schema, pointer):
        value = rules.add("json", json_rule(closed(member.whole), place))
        parts.append((rules.add("argument", sequence(quote(f"{name}="), value)), is_required))
    return joined(parts, ", ")


Value = Callable[[Schema, str, int], str]


def alternatives(schema: Schema, pointer: str, depth: int, value: Value) -> str | None:
    """A choice of values if the schema is one; None if it isn't."""
    node = schema.node if isinstance(schema.node, Mapping) else {}
    for keyword in ("anyOf", "oneOf"):
        if isinstance(choices := node.get(keyword), list) and choices:
            places = [
                (Schema(part, schema.root), f"{pointer}/{keyword}/{i}")
                for i, part in enumerate(choices)
            ]
            return choice(value(part, place, depth) for part, place in places)
    return None


def check_depth(pointer: str, depth: int) -> None:
    """Refuse schemas that refer to themselves, or are too deep. SchemaRefused."""
    if depth > MAX_DEPTH:
        raise SchemaRefused(pointer, "", f"values may be {MAX_DEPTH} levels deep for this model")


class _Nested:
    """`{city:<|"|>Paris<|"|>,days:[1,2]}`."""

    def __init__(self, rules: Rules, mark: str) -> None:
        self._rules = rules
        self._mark = mark

    def braced(self, schema: Schema, pointer: str, depth: int) -> str:
        parts = []
        for name, member, place, is_required in members(schema, pointer):
            pair = sequence(quote(f"{name}:"), self._value(member, place, depth + 1))
            parts.append((self._rules.add("pair", pair), is_required))
        return sequence(quote("{"), joined(parts, ","), quote("}"))

    def _value(self, schema: Schema, pointer: str, depth: int) -> str:
        check_depth(pointer, depth)
        check_simple(schema, pointer)
        if found := alternatives(schema, pointer, depth, self._value):
            return found
        resolved = Schema(schema.only or schema.node, schema.root)
        kind = json_type(resolved)
        if kind == "string":
            return sequence(
                quote(self._mark), text_rule(self._rules, resolved, self._mark, pointer)
            )
        if kind == "object":
            return self._rules.add("object", self.braced(resolved, pointer, depth))
        if kind == "array":
            item = self._value(resolved.items, f"{pointer}/items", depth + 1)
            return sequence(quote("["), repeated(resolved, item, quote(",")), quote("]"))
        return self._rules.add("json", json_rule(resolved.whole, pointer))


def repeated(schema: Schema, item: str, comma: str) -> str:
    """The items of an array."""
    least, most = schema.only.get("minItems", 0), schema.only.get("maxItems")
    if most == 0:
        return ""
    items = item
    if most != 1:  # the grammar knows no range that ends at 0
        upper = "" if most is None else str(most - 1)
        items = sequence(item, f"({sequence(comma, item)}){{{max(least - 1, 0)},{upper}}}")
    return items if least else optional(items)


class _Elements:
    """`<city>Paris</city>`, each tag with a mark before it."""

    def __init__(self, rules: Rules, form: ElementArguments) -> None:
        self._rules = rules
        self._mark = form.mark
        self._item = form.item

    def members(self, schema: Schema, pointer: str, depth: int) -> str:
        parts = []
        for name, member, place, is_required in members(schema, pointer):
            element = self._element(name, member, place, depth + 1)
            parts.append(element if is_required else optional(element))
        return sequence(*parts) if parts else ""

    def _element(self, name: str, schema: Schema, pointer: str, depth: int) -> str:
        check_depth(pointer, depth)
        check_simple(schema, pointer)
        end = f"{self._mark}</{name}>"

        def value(part: Schema, place: str, level: int) -> str:
            return self._value(part, place, level, end)

        body = alternatives(schema, pointer, depth, value) or value(schema, pointer, depth)
        return self._rules.add("element", sequence(quote(f"{self._mark}<{name}>"), body))

    def _value(self, schema: Schema, pointer: str, depth: int, end: str) -> str:
        """A value and the end of its element."""
        resolved = Schema(schema.only or schema.node, schema.root)
        kind = json_type(resolved)
        if kind == "string":
            return text_rule(self._rules, resolved, end, pointer)
        if kind == "object":
            return sequence(self.members(resolved, pointer, depth), quote(end))
        if kind == "array":
            item = self._element(self._item, resolved.items, f"{pointer}/items", depth + 1)
            return sequence(repeated(resolved, item, ""), quote(end))
        return sequence(json_rule(resolved.whole, pointer), quote(end))
