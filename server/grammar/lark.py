"""Texts and regular expressions as expressions of the Lark dialect; whole grammars of clients."""

from __future__ import annotations

import json
import re

from server.grammar.errors import GrammarError
from server.grammar.patterns import whole_pattern
from server.grammar.schema import json_rule

SKIPPED = re.compile(
    r'"(?:\\.|[^"\\\n])*"'  # a text
    r"|/(?:\\.|[^/\\\n])+/"  # a regular expression
    r"|(?:#|//)[^\n]*"  # a comment
    r"|(?P<json>%json\b)",
)


def quote(text: str) -> str:
    """A string literal that matches exactly this text."""
    return json.dumps(text)


def regex_rule(pattern: str) -> str:
    """An expression that the whole of pattern matches. RegexRefused."""
    whole = whole_pattern(pattern)
    return f"/{whole}/" if whole else quote("")


def lark_grammar(text: str) -> str:
    """A whole grammar that a client wrote, its schemas held to as all others. GrammarError."""
    parts: list[str] = []
    at = 0
    decoder = json.JSONDecoder()
    while found := SKIPPED.search(text, at):
        if found["json"] is None:
            parts.append(text[at : found.end()])
            at = found.end()
            continue
        start = found.end() + len(text[found.end() :]) - len(text[found.end() :].lstrip())
        try:
            schema, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            raise GrammarError(f"%json at character {found.start()}: no JSON follows") from None
        parts += [text[at : found.start()], json_rule(schema)]
        at = end
    return "".join([*parts, text[at:]])
