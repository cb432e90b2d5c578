"""Texts and regular expressions as expressions of the Lark dialect."""

from __future__ import annotations

import json
import re

UNESCAPED_SLASH = re.compile(r"(\\.)|/", re.DOTALL)


def quote(text: str) -> str:
    """A string literal that matches exactly this text."""
    return json.dumps(text)


def regex_rule(pattern: str) -> str:
    """An expression that the whole of pattern matches."""
    if not pattern:
        return quote("")
    return f"/{UNESCAPED_SLASH.sub(lambda m: m[1] or chr(92) + '/', pattern)}/"


def lark_grammar(text: str) -> str:
    """A whole grammar that a client wrote."""
    return text
