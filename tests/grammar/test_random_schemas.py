"""Random schemas: each is refused, or all that its grammar lets pass is valid."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema import FormatChecker

from server.grammar import SchemaRefused
from server.grammar import json_rule
from server.grammar.formats import FORMATS
from tests.grammar.walks import matcher_of
from tests.grammar.walks import walk

NAMES = st.sampled_from(["a", "b", "ab", "x-y", 'q"', "é"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-20, 20),
    st.sampled_from([0.5, -1.25, 3.0, 100.125]),
    st.sampled_from(["", "a", "ab", "b c", 'q"\\', "é€"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
PATTERNS = st.sampled_from(
    [
        "^a",
        "b$",
        "^[a-c]{2,4}$",
        r"\d+",
        r"^\w+\s?\W$",
        "a|b",
        "^(a|bc)*$",
        r"[^a-z\d]",
        ".",
        r"\S\s",
    ]
)
LIMITS = st.one_of(st.integers(-30, 30), st.sampled_from([0.5, -2.25, 1e3, 7.0]))
SMALL = st.integers(0, 3)


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas over schemas."""
    properties = st.dictionaries(NAMES, inner, max_size=3)
    some = st.lists(inner, min_size=1, max_size=3)
    names = st.lists(NAMES, max_size=2, unique=True)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
            "enum": st.lists(VALUES, min_size=1, max_size=4),
            "minimum": LIMITS,
            "maximum": LIMITS,
            "exclusiveMinimum": LIMITS,
            "exclusiveMaximum": LIMITS,
            "multipleOf": st.sampled_from([1, 2, 3, 0.5, 0.25, 7]),
            "minLength": SMALL,
            "maxLength": st.integers(0, 6),
            "pattern": PATTERNS,
            "format": st.sampled_from([*FORMATS, "unknown"]),
            "items": inner,
            "prefixItems": some,
            "minItems": SMALL,
            "maxItems": SMALL,
            "uniqueItems": st.booleans(),
            "properties": properties,
            "required": names,
            "additionalProperties": inner,
            "patternProperties": st.dictionaries(PATTERNS, inner, max_size=1),
            "propertyNames": inner,
            "minProperties": st.integers(0, 2),
            "maxProperties": SMALL,
            "dependentRequired": st.dictionaries(NAMES, names, max_size=1),
            "dependentSchemas": st.dictionaries(NAMES, inner, max_size=1),
            "allOf": some,
            "anyOf": some,
            "oneOf": some,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "unevaluatedProperties": inner,
            "unevaluatedItems": inner,
            "x-guidance": st.just({"lenient": True}),
            "$ref": st.sampled_from(["#", "#/$defs/a", "#/$defs/b"]),
        },
    ).flatmap(_thinned)


def _thinned(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """At most a few keywords: with many, nothing is valid."""
    some = st.sets(st.sampled_from(sorted(schema)), max_size=4) if schema else st.just(set())
    return some.map(lambda chosen: {key: schema[key] for key in schema if key in chosen})


SAME = {"host-name": "hostname", "ip-address": "ipv4"}
SAME |= {"iri": "uri", "iri-reference": "uri-reference"}  # whose own judge is slow to import
CHECKER = Draft202012Validator.FORMAT_CHECKER

SCHEMAS = st.recursive(st.booleans() | st.just({}), keywords, max_leaves=8)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(SCHEMAS, SCHEMAS, SCHEMAS, st.integers(0, 1 << 30))
def test_what_a_random_schema_lets_pass_is_valid(root: Any, a: Any, b: Any, seed: int) -> None:
    schema = {**(root if isinstance(root, dict) else {}), "$defs": {"a": a, "b": b}}
    try:
        rule = json_rule(schema)
    except SchemaRefused as error:
        assert error.message
        return
    validator = Draft202012Validator(schema, format_checker=CHECKER)
    matcher, rng = matcher_of(rule), random.Random(seed)
    for _ in range(5):
        text = walk(matcher, rng)
        assert validator.is_valid(json.loads(text)), (schema, text)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_judged_here_or_written_like_one_that_is(name: str) -> None:
    judged = SAME.get(name, name)
    assert FORMATS[name] == FORMATS[judged]
    assert judged in FormatChecker.checkers
