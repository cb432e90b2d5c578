"""Finds the part of a schema for which llguidance refuses the whole: the smallest that fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Sequence

from server.grammar.combine import Schema
from server.grammar.errors import SchemaRefused
from server.grammar.trial import failure

BUDGET_S = 1.0

WORDS = {
    "oneOf constraints": "alternatives that may hold at once can't be told apart; use anyOf",
    "patternProperty regexes": "several patterns may match one name; make them exclude each other",
}
"""What llguidance says in words of its own options."""


def blame(
    seen: Sequence[tuple[str, Schema]], rule_of: Callable[[Schema], str], reason: str
) -> SchemaRefused:
    """What to raise. seen: rewritten schemas by their pointers. reason: why the whole fails."""
    deadline = time.monotonic() + BUDGET_S
    for pointer, schema in sorted(seen, key=lambda part: -part[0].count("/")):
        if time.monotonic() > deadline:
            break
        if isinstance(schema, dict):
            found = failure(rule_of(schema))
            if found:
                return SchemaRefused(pointer, _keyword(schema, rule_of), _worded(found))
    return SchemaRefused("", "", _worded(reason))


def _keyword(schema: dict[str, object], rule_of: Callable[[Schema], str]) -> str:
    """The keyword without which the schema would do."""
    for keyword in schema:
        rest = {key: value for key, value in schema.items() if key != keyword}
        if keyword != "type" and not failure(rule_of(rest)):
            return keyword
    return ""


def _worded(reason: str) -> str:
    return next((words for start, words in WORDS.items() if reason.startswith(start)), reason)
