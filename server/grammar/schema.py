"""A JSON schema -> an expression that matches documents that are valid under it, and no others.

The schema is rewritten (`normal.py`) until llguidance keeps all that is left of it, and tried: what
it then still can't do is refused with the place at fault.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache

from server.grammar.blame import blame
from server.grammar.combine import Schema
from server.grammar.combine import is_open
from server.grammar.dialect import Dialect
from server.grammar.errors import SchemaRefused
from server.grammar.inhabited import endless
from server.grammar.inhabited import refers_to_itself
from server.grammar.normal import Normalizer
from server.grammar.trial import failure

MAX_LENGTH = 1 << 18
"""The longest schema, as JSON."""
N_KEPT, N_KEPT_LONG = 2048, 64
"""Rules that are kept for the next request with the same schema: of agents with many tools, too."""
LONG = 8192
"""From how many characters on a schema is long."""

SEPARATORS = {"key_separator": ": ", "item_separator": ", "}
"""The only whitespace: a model can't pad a document, and what is certain needs no sampling."""

ESCAPES = 'nrbtf\\"'
"""Letters that may follow a backslash. Without \\u every text has one form only: no name can hide
from the schema of its property."""

OPTIONS = {"whitespace_flexible": False, "json_allowed_escapes": ESCAPES, **SEPARATORS}


def json_rule(schema: object, pointer: str = "") -> str:
    """`%json {...}` for a schema. SchemaRefused.

    pointer: where the schema stands in what the client sent; errors say it.
    """
    return _found(schema, pointer, _kept_rule)


def check_schema(schema: object, pointer: str = "") -> None:
    """Refuse what `json_rule` refuses, but for what only trying it shows. SchemaRefused."""
    _found(schema, pointer, _kept_check)


def _found(schema: object, pointer: str, make: Callable[[str], str]) -> str:
    """What is made of a schema as JSON. SchemaRefused, with the place in what the client sent."""
    if not isinstance(schema, (dict, bool)):
        raise SchemaRefused(pointer, "", "a schema must be an object, true or false")
    try:
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False)
        if len(text) > MAX_LENGTH:
            raise SchemaRefused("", "", f"is longer than {MAX_LENGTH} characters")
        return make(text)
    except SchemaRefused as error:
        raise SchemaRefused(pointer + error.pointer, error.keyword, error.message) from None
    except (RecursionError, ValueError):
        raise SchemaRefused(pointer, "", "nests too deep, or has a number that is none") from None


def _kept_rule(text: str) -> str:
    return _rule_of_long(text) if len(text) >= LONG else _rule_of_short(text)


@lru_cache(N_KEPT)
def _rule_of_short(text: str) -> str:
    return _rule(text)


@lru_cache(N_KEPT_LONG)
def _rule_of_long(text: str) -> str:
    return _rule(text)


def _kept_check(text: str) -> str:
    return _check(text) if len(text) >= LONG else _check_of_short(text)


@lru_cache(N_KEPT)
def _check_of_short(text: str) -> str:
    return _check(text)


def _check(text: str) -> str:
    _rewritten(text)
    return ""


def _rule(text: str) -> str:
    normalizer, schema, definitions = _rewritten(text)
    rule = rule_of(schema, definitions)
    reason = failure(rule)
    if reason:
        raise blame(normalizer.seen, lambda part: rule_of(part, definitions), reason)
    return rule


def _rewritten(text: str) -> tuple[Normalizer, Schema, dict[str, Schema]]:
    document = json.loads(text)
    if isinstance(document, bool):
        document = {} if document else {"not": {}}
    normalizer = Normalizer(document, Dialect(document))
    schema, definitions = normalizer.rewrite()
    if schema is False:
        raise SchemaRefused("", "", "allows no document at all")
    itself = refers_to_itself(definitions)
    if itself is not None:
        message = "refers to itself, with nothing between"
        raise SchemaRefused(normalizer.pointer_of(itself), "$ref", message)
    if endless(schema, definitions):
        raise SchemaRefused("", "", "allows no document that ends")
    return normalizer, schema, definitions


def rule_of(schema: Schema, definitions: dict[str, Schema]) -> str:
    """The expression of a rewritten schema."""
    whole: dict[str, object] = {"x-guidance": OPTIONS}
    if isinstance(schema, dict) and not is_open(schema):
        whole |= schema
    if definitions:
        whole["$defs"] = definitions
    return "%json " + json.dumps(whole, ensure_ascii=False)
