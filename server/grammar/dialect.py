"""Which draft of JSON Schema a schema is in, and whether it is one at all.

Without `$schema` it is the newest. The drafts are jsonschema's.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft3Validator
from jsonschema import Draft4Validator
from jsonschema import Draft6Validator
from jsonschema import Draft7Validator
from jsonschema import Draft201909Validator
from jsonschema import Draft202012Validator
from jsonschema import validators
from jsonschema.exceptions import SchemaError
from referencing.exceptions import Unresolvable

from server.grammar.errors import SchemaRefused

BESIDES = ("then", "else", "minContains", "maxContains", "exclusiveMinimum", "exclusiveMaximum")
"""Keywords that say something together with another."""

Json = Mapping[str, Any]


class Dialect:
    """One schema's draft."""

    def __init__(self, document: Json) -> None:
        """SchemaRefused where it is no schema of its draft."""
        self._class = validators.validator_for(document, default=Draft202012Validator)
        if self._class is Draft3Validator:
            raise SchemaRefused("", "$schema", "draft 3 is not supported; use a newer one")
        try:
            self._class.check_schema(document)
        except SchemaError as error:
            keyword = next((str(part) for part in reversed(error.path) if part), "")
            parents = list(error.path)[:-1] if keyword else []
            raise SchemaRefused(pointer_of(parents), keyword, error.message[:300]) from None
        self._validator = self._class(document, format_checker=self._class.FORMAT_CHECKER)
        self.keywords = frozenset(self._class.VALIDATORS) | frozenset(BESIDES)
        """What says something about documents; all else is ignored, as the standard has it."""

    @property
    def has_lone_refs(self) -> bool:
        """Whether nothing beside a `$ref` counts."""
        return self._class in (Draft4Validator, Draft6Validator, Draft7Validator)

    @property
    def has_item_arrays(self) -> bool:
        """Whether `items` may be an array, which `additionalItems` goes on."""
        return self.has_lone_refs or self._class is Draft201909Validator

    @property
    def has_flagged_limits(self) -> bool:
        """Whether `exclusiveMinimum` is true or false."""
        return self._class is Draft4Validator

    @property
    def id_keyword(self) -> str:
        """Where a schema says its name."""
        return "id" if self._class is Draft4Validator else "$id"

    def is_valid(self, schema: Json, value: object, pointer: str) -> bool:
        """Whether a part of the document allows a value. SchemaRefused for unknown references."""
        try:
            return bool(self._validator.evolve(schema=schema).is_valid(value))
        except Unresolvable as error:
            raise SchemaRefused(pointer, "$ref", str(error)) from None


def valid_values(schema: object, document: object, values: list[Any]) -> list[Any]:
    """Those of some values that a part of a document allows. SchemaRefused."""
    if not values or not isinstance(schema, Mapping):
        return values if schema is not False else []
    dialect = Dialect(document if isinstance(document, Mapping) else schema)
    return [value for value in values if dialect.is_valid(schema, value, "")]


def pointer_of(parts: Iterable[object]) -> str:
    """A JSON pointer."""
    return "".join(f"/{escaped(part)}" for part in parts)


def escaped(part: object) -> str:
    """A part of a JSON pointer."""
    return str(part).replace("~", "~0").replace("/", "~1")
