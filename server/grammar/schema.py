"""A JSON schema -> an expression that matches the documents that are valid under it.

Answers to llama.cpp `common/json-schema-to-grammar.cpp`.
"""

from __future__ import annotations

import json

from server.grammar.errors import SchemaRefused

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
    if schema is True:
        schema = {}
    if not isinstance(schema, dict):
        raise SchemaRefused(pointer, "", "must be an object")
    return "%json " + json.dumps({"x-guidance": OPTIONS} | schema)
