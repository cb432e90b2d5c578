"""A JSON schema of any draft -> an equal or narrower one of what llguidance keeps exactly.

llguidance leaves some keywords out, reads others a little differently than validators do, and
joins schemas only under conditions; what comes out of here avoids all that, or the schema is
refused with the place at fault. Narrower: of equal documents one spelling, numbers and formats as
`numbers` and `formats` say, properties in the order of the schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from server.grammar.arrays import array_parts
from server.grammar.combine import Schema
from server.grammar.combine import any_of
from server.grammar.combine import conjunction
from server.grammar.combine import types_of
from server.grammar.conditions import condition_parts
from server.grammar.conditions import negated
from server.grammar.dialect import Dialect
from server.grammar.dialect import Json
from server.grammar.errors import SchemaRefused
from server.grammar.numbers import check_value
from server.grammar.numbers import numeric
from server.grammar.numbers import unflagged
from server.grammar.objects import object_parts
from server.grammar.references import Place
from server.grammar.references import References
from server.grammar.strings import textual

MAX_DEPTH = 64
MAX_SCHEMAS = 20_000
REFUSED = ("$dynamicRef", "$recursiveRef")


class Normalizer:
    """Rewrites one document."""

    def __init__(self, document: Json, dialect: Dialect) -> None:
        self.dialect = dialect
        self._references = References(document, dialect)
        self._has_steps = "multipleOf" in json.dumps(document)
        self._names: dict[str, str] = {}
        """Names of definitions by the pointer of what they define."""
        self._definitions: dict[str, Schema] = {}
        self._waiting: list[tuple[str, Place]] = []
        self.seen: list[tuple[str, Schema]] = []
        """Every schema that was rewritten, by its pointer, the inner ones first."""

    def rewrite(self) -> tuple[Schema, dict[str, Schema]]:
        """The document's schema, and what it refers to. SchemaRefused."""
        schema = self.schema(self._references.root)
        while self._waiting:
            name, place = self._waiting.pop()
            self._definitions[name] = self.schema(place)
        return schema, self._definitions

    def pointer_of(self, name: str) -> str:
        """Where a definition stands in the document."""
        return next(pointer for pointer, found in self._names.items() if found == name)

    def schema(self, place: Place) -> Schema:
        """One schema. SchemaRefused."""
        if isinstance(place.schema, bool):
            return place.schema
        if place.depth > MAX_DEPTH or len(self.seen) > MAX_SCHEMAS:
            raise SchemaRefused(place.pointer, "", "the schema is too deep or too large")
        place = self._references.enter(place)
        known = {k: v for k, v in place.schema.items() if k in self.dialect.keywords}
        if "$ref" in known and self.dialect.has_lone_refs:
            known = {"$ref": known["$ref"]}
        schema = self._known(known, place)
        self.seen.append((place.pointer, schema))
        return schema

    def _known(self, known: dict[str, Any], place: Place) -> Schema:
        for keyword in REFUSED:
            if keyword in known:
                raise SchemaRefused(place.pointer, keyword, "is not supported; use $ref")
        if "const" in known or "enum" in known:
            return self._finite(known, place)
        parts = list(self._parts(known, place))
        return conjunction(parts)

    def _finite(self, known: Json, place: Place) -> Schema:
        """The values that the rest of the schema allows, too."""
        keyword = "const" if "const" in known else "enum"
        values = [known["const"]] if keyword == "const" else known["enum"]
        left = [v for v in values if self.dialect.is_valid(place.schema, v, place.pointer)]
        for value in left:
            check_value(value, place.pointer, keyword)
        return {"enum": left} if left else False

    def _parts(self, known: dict[str, Any], place: Place) -> Iterator[Schema]:
        """Schemas that all must hold."""
        types = types_of(known)
        if self.dialect.has_flagged_limits:
            known = dict(unflagged(known))
        base: dict[str, Any] = {"type": known["type"]} if "type" in known else {}
        base |= numeric(known, types, place.pointer, has_steps=self._has_steps)
        more: list[Schema] = []
        if "string" in types:
            lengths, patterns = textual(known, place.pointer)
            base |= lengths
            if patterns:
                base["pattern"] = patterns.pop()
            more += [{"pattern": pattern} for pattern in patterns]
        if "array" in types:
            kept, beside = array_parts(known, place, self)
            base |= kept
            more += beside
        if "object" in types:
            kept, beside = object_parts(known, place, self)
            base |= kept
            more += beside
        yield base
        yield from more
        yield from self._applied(known, place)
        yield from condition_parts(known, place, self)

    def _applied(self, known: Json, place: Place) -> Iterator[Schema]:
        """Other schemas that hold for the same value."""
        if "$ref" in known:
            yield self._reference(known["$ref"], place)
        for keyword in ("allOf", "anyOf", "oneOf"):
            if keyword not in known:
                continue
            branches = [
                self.schema(place.child(branch, keyword, i))
                for i, branch in enumerate(known[keyword])
            ]
            if keyword == "allOf":
                yield from branches
            elif keyword == "anyOf":
                yield any_of(branches)
            else:
                yield {
                    "oneOf": [self._inlined(branch) for branch in branches if branch is not False]
                }
        if "not" in known:
            yield negated(place.child(known["not"], "not"), self)

    def _reference(self, reference: object, place: Place) -> Schema:
        target = self._references.resolve(reference, place)
        if isinstance(target.schema, bool):
            return target.schema
        name = self._names.get(target.pointer)
        if name is None:
            name = self._names[target.pointer] = f"d{len(self._names)}"
            self._waiting.append((name, target))
        return {"$ref": f"#/$defs/{name}"}

    def _inlined(self, schema: Schema) -> Schema:
        """What a reference alone refers to, so that alternatives can be told apart."""
        if not isinstance(schema, dict) or schema.keys() != {"$ref"}:
            return schema
        name = schema["$ref"].rpartition("/")[2]
        found = next((place for waiting, place in self._waiting if waiting == name), None)
        if found is not None:
            self._waiting.remove((name, found))
            self._definitions[name] = True  # while it is being rewritten
            self._definitions[name] = self.schema(found)
        definition = self._definitions[name]
        return schema if definition is True else definition
