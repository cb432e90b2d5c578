"""Keywords of strings -> lengths and regular expressions that llguidance keeps as validators do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.grammar.errors import RegexRefused
from server.grammar.errors import SchemaRefused
from server.grammar.formats import REFUSED
from server.grammar.formats import format_pattern
from server.grammar.patterns import search_patterns

MAX_LEAST = 10_000
"""A text that has to be longer than that is never finished."""
MAX_MOST = 2**31 - 1


def textual(known: Mapping[str, Any], pointer: str) -> tuple[dict[str, Any], list[str]]:
    """The keywords of one schema, and expressions that must all be found. SchemaRefused."""
    kept: dict[str, Any] = {}
    least = int(known.get("minLength", 0))
    if least > MAX_LEAST:
        raise SchemaRefused(pointer, "minLength", f"must be at most {MAX_LEAST}")
    if least:
        kept["minLength"] = least
    if "maxLength" in known:
        kept["maxLength"] = min(int(known["maxLength"]), MAX_MOST)
    found = translated(known["pattern"], pointer, "pattern") if "pattern" in known else []
    return kept, found + format_patterns(known.get("format"), pointer)


def format_patterns(name: object, pointer: str) -> list[str]:
    """What a format asks for; nothing where it is none that anybody checks."""
    if name in REFUSED:
        raise SchemaRefused(pointer, "format", f"{name!r} can't be held to; leave it out")
    pattern = format_pattern(name)
    return [] if pattern is None else search_patterns(pattern)


def translated(pattern: str, pointer: str, keyword: str) -> list[str]:
    """A pattern of the schema as llguidance reads it. SchemaRefused."""
    try:
        return search_patterns(pattern)
    except RegexRefused as error:
        raise SchemaRefused(pointer, keyword, f"/{pattern[:100]}/: {error}") from None
