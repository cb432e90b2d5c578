"""Arguments that are valid under a schema, in each notation, as rules.

Each notation writes texts in its own way, and so tells kinds of values apart in its own way.
"""

from __future__ import annotations

from server.chat.formats.format import Arguments
from server.chat.formats.format import BracedArguments
from server.chat.formats.format import ElementArguments
from server.chat.formats.format import JsonArguments
from server.chat.formats.format import KeywordArguments
from server.chat.formats.format import TaggedArguments
from server.chat.grammar.kinds import check_simple
from server.chat.grammar.kinds import limited
from server.chat.grammar.notation import Member
from server.chat.grammar.notation import Notation
from server.chat.grammar.notation import closed
from server.chat.grammar.notation import is_always_empty
from server.chat.grammar.notation import joined
from server.chat.grammar.notation import one_of
from server.chat.grammar.notation import repeated
from server.chat.grammar.rules import Rules
from server.chat.grammar.rules import optional
from server.chat.grammar.rules import sequence
from server.chat.grammar.strings import Site
from server.chat.grammar.strings import is_loose
from server.chat.grammar.strings import text_rules
from server.chat.grammar.strings import word_rules
from server.chat.tools import Schema
from server.grammar import SchemaRefused
from server.grammar import check_schema
from server.grammar import json_rule
from server.grammar import quote

STRING = frozenset({"string"})
TYPES = ("string", "number", "boolean", "null", "object", "array")
NUMERIC = ("number", "integer")
SCALARS = ("null", "boolean", "integer", "number")


def arguments_rule(rules: Rules, form: Arguments, schema: Schema, pointer: str) -> str:
    """The arguments of a call, from where the notation has their beginning to their end."""
    objects = limited(schema, ["object"], pointer)
    if objects is None:
        raise SchemaRefused(pointer, "", "allows no object, which arguments are")
    whole = closed(objects.whole)
    if not isinstance(form, JsonArguments):
        # what can't be held to in JSON can't be in any notation
        check_schema(whole, pointer)
    match form:
        case JsonArguments():
            return rules.add("json", json_rule(whole, pointer))
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


class _Tagged(Notation):
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


class _Keywords(Notation):
    """`city="Paris", days=3`: the values are JSON."""

    ends = ("=", ")", "(", ",", "\n")

    def members(self, found: list[Member], depth: int) -> str:
        parts = []
        for member in found:
            value = self.rules.add("json", json_rule(closed(member.schema.whole), member.pointer))
            argument = sequence(quote(f"{member.name}="), value)
            parts.append((self.rules.add("argument", argument), member.is_required))
        return joined(parts, ", ")


class _Nested(Notation):
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


class _Elements(Notation):
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
