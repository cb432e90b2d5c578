"""A JSON Schema, compiled once, and what is wrong with a value in words that a client can use.

Errors name the place (`messages[3].content[0].text`), what was expected and what was got, and never
repeat a value at length. It knows no field.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from functools import cached_property

from jsonschema import Draft202012Validator
from jsonschema import ValidationError

from server.schema.errors import SchemaError
from server.schema.field import json_type

DIALECT = "https://json-schema.org/draft/2020-12/schema"

KINDS = {
    "array": "an array",
    "boolean": "true or false",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}


class Form:
    """A schema that values are held against."""

    def __init__(self, schema: Mapping[str, object]) -> None:
        self.schema = schema

    @cached_property
    def _validator(self) -> Draft202012Validator:
        return Draft202012Validator(self.schema)

    def check(self, value: object) -> None:
        """SchemaError for the first thing that is wrong."""
        for error in self._validator.iter_errors(value):
            place = path_of(error.absolute_path)
            raise SchemaError(at_fault(place, error), sentence(place, error))


def at_fault(place: str, error: ValidationError) -> str:
    """The field that is wrong: one that is missing, or the one at the place."""
    if error.validator != "required":
        return place
    return f"{place}.{missing_key(error)}" if place else missing_key(error)


def path_of(parts: Iterable[str | int]) -> str:
    """Where a value is: `tools[0].function.name`; "" = the whole body."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def sentence(place: str, error: ValidationError) -> str:
    """What is wrong, beginning with the field that it is in."""
    if error.validator == "required":
        missing = missing_key(error)
        return f"Field '{place}': '{missing}' is missing" if place else f"'{missing}' is required"
    if error.validator == "type" and place:
        wanted, got = any_of(error.validator_value), json_type(error.instance)
        return f"Expected '{place}' to be {wanted}, got {got}"  # llama-server's words
    where = f"Field '{place}'" if place else "The request body"
    return f"{where}: {problem(error)}"


def missing_key(error: ValidationError) -> str:
    """The first key that lacks."""
    return next(str(key) for key in error.validator_value if key not in error.instance)


def problem(error: ValidationError) -> str:
    """What a value should have been."""
    limit = error.validator_value
    match error.validator:
        case "type":
            return f"expected {any_of(limit)}, got {json_type(error.instance)}"
        case "anyOf" | "oneOf":
            kinds = [kind for form in limit for kind in kinds_of(form)]
            return f"expected {any_of(kinds)}, in a form that it may have"
        case "enum":
            return f"must be one of {', '.join(str(value) for value in limit if value is not None)}"
        case "const":
            return f"must be {limit}"
        case "minItems" | "minLength" | "minProperties":
            return "must not be empty" if limit == 1 else f"must have at least {limit} elements"
        case "maxItems" | "maxLength" | "maxProperties":
            return f"must have at most {limit} elements"
        case "minimum":
            return f"must be at least {limit}, but got {error.instance}"
        case "maximum":
            return f"must be at most {limit}, but got {error.instance}"
    return f"does not keep to {error.validator!r} of its JSON Schema"


def kinds_of(form: object) -> list[str]:
    """The JSON types that a form names."""
    kinds = form.get("type", []) if isinstance(form, Mapping) else []
    return [*kinds] if isinstance(kinds, list) else [str(kinds)]


def any_of(kinds: object) -> str:
    """Types in a sentence; null, which is as good as absent, is not mentioned beside others."""
    names = [str(kind) for kind in kinds] if isinstance(kinds, list) else [str(kinds)]
    shown = list(dict.fromkeys(KINDS[name] for name in names if name != "null" or len(names) == 1))
    return " or ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
