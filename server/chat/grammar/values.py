"""Arguments that are valid under a schema, in each notation, as rules.

A property comes at most once, in the order of the schema; those that are required come. Objects
have no properties but those that are named, unless the schema says that they may. What can't be
held to in a notation is refused (SchemaRefused), or left out where there are other values.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.chat.formats.format import Arguments
from server.chat.formats.format import BracedArguments
from server.chat.formats.format import ElementArguments
from server.chat.formats.format import JsonArguments
from server.chat.formats.format import KeywordArguments
from server.chat.formats.format import TaggedArguments
from server.chat.grammar.kinds import ANNOTATIONS
from server.chat.grammar.kinds import CHOICES
from server.chat.grammar.kinds import check_simple
from server.chat.grammar.kinds import limited
from server.chat.grammar.kinds import values_of
from server.chat.grammar.rules import Rules
from server.chat.grammar.rules import choice
from server.chat.grammar.rules import optional
from server.chat.grammar.rules import sequence
from server.chat.grammar.strings import Site
from server.chat.grammar.strings import is_loose
from server.chat.grammar.strings import text_rules
from server.chat.grammar.strings import word_rules
from server.chat.tools import Schema
from server.grammar import SchemaRefused
from server.grammar import json_rule
from server.grammar import quote

STRING = frozenset({"string"})
TYPES = ("string", "number", "boolean", "null", "object", "array")
NUMERIC = ("number", "integer")
MAX_DEPTH = 16
"""How deep values may be nested where they aren't JSON."""
MAX_VALUES = 5000
"""Places for values: references may multiply them."""
ANY_ITEM = {"type": ["string", "number", "boolean", "null"]}
"""What items are of which nothing is said: lists within lists would have no end."""
SCALARS = ("null", "boolean", "integer", "number")


def arguments_rule(rules: Rules, form: Arguments, schema: Schema, pointer: str) -> str:
    """The arguments of a call, from where the notation has their beginning to their end."""
    objects = limited(schema, ["object"], pointer)
    if objects is None:
        raise SchemaRefused(pointer, "", "allows no object, which arguments are")
    # what can't be held to in JSON can't be in any notation
    rule = json_rule(closed(objects.whole), pointer)
    match form:
        case JsonArguments():
            return rules.add("json", rule)
        case TaggedArguments():
            found = _Tagged(rules, form).object(objects, pointer, 0)
        case KeywordArguments():
            found = _Keywords(rules).object(objects, pointer, 0)
        case BracedArguments():
            found = _Nested(rules, form.quote).object(objects, pointer, 0)
        case ElementArguments():
            found = _Elements(rules, form).object(objects, pointer, 0)
    if found is None:
        raise SchemaRefused(pointer, "enum", "can't list whole arguments for this model")
    return found


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


@dataclass(frozen=True, slots=True)
class Member:
    """A property of an object. pointer: where its schema stands."""

    name: str
    schema: Schema
    pointer: str
    is_required: bool


Value = Callable[[Schema, str, int], str | None]


class _Notation:
    """What all notations of objects have in common. ends: what no name may have in it."""

    ends: tuple[str, ...] = ()

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._n_values = 0

    def object(self, schema: Schema, pointer: str, depth: int) -> str | None:
        """An object; None for one that is listed, which only JSON can be. SchemaRefused.

        schema: of objects alone.
        """
        self._step(pointer, depth)
        check_simple(schema, pointer)
        node = schema.node
        assert isinstance(node, Mapping)
        if values_of(node) is not None:
            return None
        for keyword in CHOICES:
            if keyword in node:
                parts = self._choices(schema, keyword, pointer, depth, self.object)
                return choice(parts) if parts else None
        return self.members(list(self._members(schema, pointer)), depth)

    def members(self, found: list[Member], depth: int) -> str:
        """An object with some members."""
        raise NotImplementedError

    def array(self, schema: Schema, pointer: str, depth: int) -> str | None:
        """An array; None for one that is listed. schema: of arrays alone. SchemaRefused."""
        self._step(pointer, depth)
        check_simple(schema, pointer)
        node = schema.node
        assert isinstance(node, Mapping)
        if values_of(node) is not None:
            return None
        for keyword in CHOICES:
            if keyword in node:
                parts = self._choices(schema, keyword, pointer, depth, self.array)
                return choice(parts) if parts else None
        items = Schema(node.get("items", ANY_ITEM), schema.root)
        return self.items(schema, items, f"{pointer}/items", depth)

    def items(self, schema: Schema, items: Schema, pointer: str, depth: int) -> str:
        """An array of some items."""
        raise NotImplementedError

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


def one_of(parts: list[str], pointer: str) -> str:
    """One of the ways to write a value. SchemaRefused if there is none."""
    if not parts:
        raise SchemaRefused(pointer, "", "allows nothing that this model can write")
    return choice(parts)


class _Tagged(_Notation):
    """`<parameter=city>Paris</parameter>`."""

    def __init__(self, rules: Rules, form: TaggedArguments) -> None:
        super().__init__(rules)
        self._form = form
        self.ends = ("\n", ">", "<", '"') if form.middle.startswith('"') else ("\n", ">", "<")

    def members(self, found: list[Member], depth: int) -> str:
        parts = []
        for member in found:
            part = self.rules.add("argument", self._argument(member))
            parts.append(part if member.is_required else optional(part))
        return sequence(*parts) if parts else ""

    def _argument(self, member: Member) -> str:
        form, schema, pointer = self._form, member.schema, member.pointer
        check_simple(schema, pointer)
        types, start, end = schema.types, form.start + member.name, quote(form.end)
        if types is not None and "string" not in types:
            kind = next((name for name in TYPES if name in types), "")
            value = self._json(schema, pointer)
            return sequence(quote(start + form.middles.get(kind, form.middle)), value, end)
        taken = frozenset() if form.tells_types else taken_for(schema)
        site = Site(form.end, taken, cdata=form.has_cdata)
        parts = [(form.middle, rule) for rule in text_rules(self.rules, schema, pointer, site)]
        for kind in TYPES[1:]:
            middle = form.middles.get(kind, form.middle)
            part = limited(schema, NUMERIC if kind == "number" else [kind], pointer)
            if part is None:
                continue
            if form.tells_types or not (kind in SCALARS or is_loose(schema, kind)):
                parts.append((middle, sequence(self._json(part, pointer), end)))
            elif kind in SCALARS:
                parts += [(middle, rule) for rule in word_rules(part, kind, site)]
        return one_of([sequence(quote(start + middle), rule) for middle, rule in parts], pointer)

    def _json(self, schema: Schema, pointer: str) -> str:
        return self.rules.add("json", json_rule(closed(schema.whole), pointer))


class _Keywords(_Notation):
    """`city="Paris", days=3`: the values are JSON."""

    ends = ("=", ")", "(", ",", "\n")

    def members(self, found: list[Member], depth: int) -> str:
        parts = []
        for member in found:
            value = self.rules.add("json", json_rule(closed(member.schema.whole), member.pointer))
            argument = sequence(quote(f"{member.name}="), value)
            parts.append((self.rules.add("argument", argument), member.is_required))
        return joined(parts, ", ")


class _Nested(_Notation):
    """`{city:<|"|>Paris<|"|>,days:[1,2]}`."""

    def __init__(self, rules: Rules, mark: str) -> None:
        super().__init__(rules)
        self.ends = (":", "}", "{", "\n", '"', ",", mark)
        self._mark = mark

    def members(self, found: list[Member], depth: int) -> str:
        parts = []
        for member in found:
            value = self._value(member.schema, member.pointer, depth + 1)
            pair = self.rules.add("pair", sequence(quote(f"{member.name}:"), value))
            parts.append((pair, member.is_required))
        return sequence(quote("{"), joined(parts, ","), quote("}"))

    def items(self, schema: Schema, items: Schema, pointer: str, depth: int) -> str:
        if is_always_empty(schema, items):
            return quote("[]")
        item = self._value(items, pointer, depth + 1)
        return sequence(quote("["), repeated(schema, item, quote(",")), quote("]"))

    def _value(self, schema: Schema, pointer: str, depth: int) -> str:
        self._step(pointer, depth)
        check_simple(schema, pointer)
        texts = text_rules(self.rules, schema, pointer, Site(self._mark))
        parts = [sequence(quote(self._mark), text) for text in texts]
        if (scalars := limited(schema, SCALARS, pointer)) is not None:
            parts.append(self.rules.add("json", json_rule(scalars.whole, pointer)))
        for kind, value in (("object", self.object), ("array", self.array)):
            if (part := limited(schema, [kind], pointer)) is not None:
                rule = value(part, pointer, depth)
                parts += [self.rules.add(kind, rule)] if rule else []
        return one_of(parts, pointer)


class _Elements(_Notation):
    """`<city>Paris</city>`, each tag with a mark before it."""

    ends = (">", "<", "/", "\n")

    def __init__(self, rules: Rules, form: ElementArguments) -> None:
        super().__init__(rules)
        self._mark = form.mark
        self._item = form.item

    def members(self, found: list[Member], depth: int) -> str:
        parts = []
        for member in found:
            element = self._element(member.name, member.schema, member.pointer, depth + 1)
            parts.append(element if member.is_required else optional(element))
        return sequence(*parts) if parts else quote("")

    def items(self, schema: Schema, items: Schema, pointer: str, depth: int) -> str:
        if is_always_empty(schema, items):
            return quote("")
        return repeated(schema, self._element(self._item, items, pointer, depth + 1), "")

    def _element(self, name: str, schema: Schema, pointer: str, depth: int) -> str:
        self._step(pointer, depth)
        check_simple(schema, pointer)
        end = f"{self._mark}</{name}>"
        types = schema.types
        if types is None or "string" in types:
            parts = self._texts(schema, pointer, end)
        else:
            parts = self._others(schema, pointer, depth, end)
        value = one_of(parts, pointer)
        return self.rules.add("element", sequence(quote(f"{self._mark}<{name}>"), value))

    def _texts(self, schema: Schema, pointer: str, end: str) -> list[str]:
        """Texts, and scalars beside them; objects and arrays would be taken for texts."""
        site = Site(end, taken_for(schema), marks=(f"{self._mark}<", '"'))
        parts = text_rules(self.rules, schema, pointer, site)
        for kind in TYPES[1:]:
            part = limited(schema, NUMERIC if kind == "number" else [kind], pointer)
            parts += [] if part is None else word_rules(part, kind, site)
        return parts

    def _others(self, schema: Schema, pointer: str, depth: int, end: str) -> list[str]:
        """Values that are no texts."""
        parts = []
        if (scalars := limited(schema, SCALARS, pointer)) is not None:
            parts.append(sequence(json_rule(scalars.whole, pointer), quote(end)))
        # what may be both would be taken for an array
        for kind, value in (("array", self.array), ("object", self.object)):
            if (part := limited(schema, [kind], pointer)) is not None:
                rule = value(part, pointer, depth)
                if rule is not None:
                    return [*parts, sequence(rule, quote(end))]
        return parts


def taken_for(schema: Schema) -> frozenset[str] | None:
    """For what a text may be taken: none where it can be nothing else; None: anything."""
    types = schema.types
    return frozenset() if types == STRING else types


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
