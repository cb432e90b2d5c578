"""A JSON schema -> an expression that matches the documents that are valid under it.

Answers to llama.cpp `common/json-schema-to-grammar.cpp` for what whitespace is allowed.
"""

from __future__ import annotations

import json

from server.grammar.errors import SchemaRefused

WHITESPACE = r"( |\n{1,2}[ \t]{0,20})"
"""Between two parts of a document, at most once: a model must not be able to go on for ever."""

ESCAPES = 'nrbtf\\"'
"""Letters that may follow a backslash. Without \\u every text has one form only: no name can hide
from the schema of its property."""

OPTIONS = {"whitespace_pattern": WHITESPACE, "json_allowed_escapes": ESCAPES}


def json_rule(schema: object, pointer: str = "") -> str:
    """`%json {...}` for a schema. SchemaRefused.

    pointer: where the schema stands in what the client sent; errors say it.
    """
    if schema is True:
        schema = {}
    if not isinstance(schema, dict):
        raise SchemaRefused(pointer, "", "must be an object")
    return "%json " + json.dumps({"x-guidance": OPTIONS} | schema)
