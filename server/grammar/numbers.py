"""Keywords of numbers -> those that llguidance keeps exactly, and bounds where there are none.

llguidance reads bounds as doubles and writes decimals of any length; here every number that it may
write is one that a double holds, and has an end.
"""

from __future__ import annotations

from decimal import Decimal
from math import isfinite
from typing import Any

from server.grammar.dialect import Json
from server.grammar.errors import SchemaRefused

MAX = 10**15 - 1
"""Integers go so far: all of them, and their neighbours, are exact as doubles."""
FINEST, N_PLACES = 1e-9, 6
"""The last decimal place of numbers whose bounds have no more than so many places."""
MAX_STEP = 1000
"""The largest number of steps of `multipleOf` within its decimal places: each costs a state."""
LIMITS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")


def numeric(known: Json, types: frozenset[str], pointer: str, *, has_steps: bool) -> dict[str, Any]:
    """The numeric keywords of one schema. SchemaRefused.

    types: that the schema allows; all where it does not say. has_steps: whether `multipleOf` is
    anywhere in the document.
    """
    if not types & {"integer", "number"}:
        return {}
    limits = {key: known[key] for key in LIMITS if key in known}
    kept = {key: _limit(key, value, pointer) for key, value in limits.items()}
    kept = {key: value for key, value in kept.items() if value is not None}
    is_whole = "number" not in types
    if "multipleOf" in known:
        kept["multipleOf"] = _step(known["multipleOf"], pointer)
    if not is_whole and not limits and "multipleOf" not in known:
        return {}  # the only form that may have an exponent
    if not {"minimum", "exclusiveMinimum"} & kept.keys():
        kept["minimum"] = -MAX
    if not {"maximum", "exclusiveMaximum"} & kept.keys():
        kept["maximum"] = MAX
    if not is_whole and not has_steps and all(map(_is_coarse, kept.values())):
        kept["multipleOf"] = FINEST
    return kept


def unflagged(known: Json) -> Json:
    """Limits of draft 4, where a flag says whether one is exclusive, as newer drafts have them."""
    found = {k: v for k, v in known.items() if k not in LIMITS or not isinstance(v, bool)}
    for plain, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if known.get(exclusive) is True and plain in found:
            found[exclusive] = found.pop(plain)
    return found


def check_value(value: object, pointer: str, keyword: str) -> None:
    """SchemaRefused for a constant with a number or a text that can't be written exactly."""
    match value:
        case bool() | None:
            pass
        case int() | float():
            if not isfinite(value) or abs(value) > 2**53 or 0 < abs(value) < 1e-300:
                raise SchemaRefused(
                    pointer, keyword, f"{value} is no number that is exact everywhere"
                )
        case str():
            check_text(value, pointer, keyword)
        case list():
            for item in value:
                check_value(item, pointer, keyword)
        case dict():
            for name, item in value.items():
                check_text(name, pointer, keyword)
                check_value(item, pointer, keyword)


def check_text(text: str, pointer: str, keyword: str) -> None:
    """SchemaRefused for a text with characters that are never written here."""
    bad = next((c for c in text if (c < " " and c not in "\b\f\n\r\t") or c == "\x7f"), None)
    if bad is not None:
        raise SchemaRefused(pointer, keyword, f"the character U+{ord(bad):04X} can't be written")


def _limit(keyword: str, value: Any, pointer: str) -> Any:
    """A limit that doubles hold; None where it is beyond all numbers that may be written."""
    is_lower = "inimum" in keyword
    if -MAX <= value <= MAX:
        return value
    if (value > 0) == is_lower:
        raise SchemaRefused(pointer, keyword, f"{value} is beyond {MAX if is_lower else -MAX}")
    return None


def _is_coarse(limit: Any) -> bool:
    return int(Decimal(str(limit)).normalize().as_tuple().exponent) >= -N_PLACES


def _step(value: Any, pointer: str) -> Any:
    """A step whose multiples a double can tell from other numbers."""
    step = Decimal(str(value)).normalize()
    n_places = max(0, -int(step.as_tuple().exponent))
    n_steps = int(step.scaleb(n_places))
    if n_steps > MAX_STEP:
        message = f"{value} has too many steps; at most {MAX_STEP} within its decimal places"
        raise SchemaRefused(pointer, "multipleOf", message)
    if Decimal(float(value)) != step:
        raise SchemaRefused(
            pointer,
            "multipleOf",
            f"binary numbers can't tell the multiples of {value}; use halves, quarters, eighths, "
            "or integers of a smaller unit",
        )
    return value
