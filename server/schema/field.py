"""One row of the request table, and how a JSON value becomes the value of a row.

Knows the kinds of values, limits and words for what is wrong; knows no particular field. Numbers
are read as llama-server reads them: true is 1, a fraction is cut off where an integer is wanted,
floats are kept in single precision. Answers to llama.cpp `tools/server/server-schema.h`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from math import isfinite
from typing import TypeAlias

from server.engine.modelinfo import Tokenizer
from server.schema.params import RequestDefaults

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1
FLOAT_MAX = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]

Number: TypeAlias = int | float
Limits: TypeAlias = tuple[Number, Number]
"""Lowest and highest value allowed, both included."""


class BadValue(Exception):
    """A value can't be accepted; the text does not name the field, the caller does."""


class Kind(Enum):
    """What a field holds; the value is its name in a JSON Schema ("" = see the row's `form`)."""

    BOOL = "boolean"
    INT = "integer"
    FLOAT = "number"
    STR = "string"
    JSON = ""


class Into(Enum):
    """Where a parsed value goes."""

    REQUEST = "CompletionParams"
    SAMPLING = "SamplingParams"
    NOWHERE = ""
    """Checked, not stored: something else reads it from the body."""


class Section(Enum):
    """Headings of the reference page, in its order."""

    PROMPT = "Prompt"
    OUTPUT = "Output"
    LENGTH = "Length and limits"
    SAMPLING = "Sampling"
    CONSTRAINT = "Constrained output"
    CHAT = "Chat"
    BODY = ""
    """The page of a body has one table."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a parser may look at besides the value."""

    defaults: RequestDefaults
    tokenizer: Tokenizer


Parser = Callable[[object, Context], object]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request body.

    A value out of the `soft` limits becomes the nearest limit; one out of the `hard` limits is an
    error. null means absent. Of several names the first one that has a value counts. `parent` is
    the object that the field is in, for example `stream_options`.
    """

    name: str
    kind: Kind
    help: str
    section: Section = Section.BODY
    aliases: tuple[str, ...] = ()
    soft: Limits | None = None
    hard: Limits | None = None
    into: Into = Into.REQUEST
    attr: str = ""
    """The name of the attribute that takes the value, where it isn't `name`."""
    parse: Parser | None = None
    form: Mapping[str, object] | None = None
    """JSON Schema of the accepted forms, for Kind.JSON."""
    parent: str = ""

    @property
    def target(self) -> str:
        """The attribute that takes the value."""
        return self.attr or self.name

    def label(self, name: str) -> str:
        """A name of this field as an error message says it."""
        return f"{self.parent}.{name}" if self.parent else name

    def convert(self, value: object, context: Context) -> object:
        """The value to keep for a JSON value that is not null. BadValue."""
        if self.parse is not None:
            return self.parse(value, context)
        if self.kind is Kind.BOOL:
            return to_bool(value)
        if self.kind is Kind.INT:
            return limit(to_int(value), self.soft, self.hard or (-INT32_MAX - 1, INT32_MAX))
        if self.kind is Kind.FLOAT:
            return limit(to_float32(value), self.soft, self.hard)
        return to_str(value)


def json_type(value: object) -> str:
    """The JSON name of a value's type, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an object" if isinstance(value, Mapping) else "an array"


def to_bool(value: object) -> bool:
    """True or false; a number is no boolean."""
    if isinstance(value, bool):
        return value
    raise BadValue(f"expected true or false, got {json_type(value)}")


def to_str(value: object) -> str:
    """A string as it is."""
    if isinstance(value, str):
        return value
    raise BadValue(f"expected a string, got {json_type(value)}")


def to_int(value: object) -> int:
    """A number without its fraction; true is 1."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if isfinite(value):
            return int(value)
        raise BadValue("expected an integer, got a number that is not finite")
    raise BadValue(f"expected an integer, got {json_type(value)}")


def to_float32(value: object) -> float:
    """The nearest single-precision number; one beyond the largest becomes the largest."""
    if not isinstance(value, (int, float)):
        raise BadValue(f"expected a number, got {json_type(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = FLOAT_MAX if value > 0 else -FLOAT_MAX
    if not isfinite(number):
        raise BadValue("expected a number that is finite")
    return float32(min(max(number, -FLOAT_MAX), FLOAT_MAX))


def float32(number: float) -> float:
    """The number as single precision holds it; infinities stay."""
    return float(struct.unpack("<f", struct.pack("<f", number))[0])


def to_list(value: object, what: str) -> list[object]:
    """The elements of an array; what names them in the error."""
    if isinstance(value, (list, tuple)):
        return list(value)
    raise BadValue(f"expected an array of {what}, got {json_type(value)}")


def to_strings(value: object) -> tuple[str, ...]:
    """An array of strings."""
    items = to_list(value, "strings")
    for i, item in enumerate(items):
        if not isinstance(item, str):
            raise BadValue(f"expected an array of strings, but element {i} is {json_type(item)}")
    return tuple(str(item) for item in items)


def limit(value: Number, soft: Limits | None, hard: Limits | None) -> Number:
    """Clamp to the soft limits, or raise BadValue outside of the hard ones."""
    if soft is not None:
        return type(value)(min(max(value, soft[0]), soft[1]))
    if hard is not None:
        low, high = hard
        if isinstance(value, float):
            low, high = float32(low), float32(high)
        if not low <= value <= high:
            raise BadValue(f"must be between {hard[0]} and {hard[1]}, but got {show(value)}")
    return value


def show(value: Number) -> str:
    """A number as a person would write it."""
    return f"{value:.7g}" if isinstance(value, float) else str(value)
