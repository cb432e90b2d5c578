"""Texts that stand bare in a call, without quotes: what their schema lets them be."""

from __future__ import annotations

import json
from collections.abc import Mapping

from server.chat.grammar.rules import Rules
from server.chat.grammar.rules import choice
from server.chat.grammar.rules import escaped
from server.chat.grammar.rules import matching
from server.chat.grammar.rules import sequence
from server.chat.grammar.rules import until
from server.chat.tools import Schema
from server.grammar import RegexRefused
from server.grammar import SchemaRefused
from server.grammar import holding_pattern
from server.grammar import quote

CDATA, CDATA_END = "<![CDATA[", "]]>"


def text_rule(rules: Rules, schema: Schema, end: str, pointer: str, *, cdata: bool = False) -> str:
    """A text with its end. cdata: it may stand in a CDATA section.

    SchemaRefused for keywords that can't be held to in a text without quotes.
    """
    node = schema.only
    if (values := _values(node)) is not None:
        return sequence(choice(quote(_shown(value)) for value in values), quote(end))
    contents = _contents(node, pointer)
    text = until(end, *contents)
    if not cdata:
        return rules.lazy("text", text)
    bare = rules.lazy("text", f"{text} & ~{matching(escaped(CDATA) + '(?s:.*)')}")
    section = sequence(quote(CDATA), rules.lazy("cdata", until(CDATA_END, *contents)), quote(end))
    return choice([bare, section])


def _contents(node: Mapping[str, object], pointer: str) -> list[str]:
    """Expressions, all of which the text matches."""
    found = []
    least, most = node.get("minLength", 0), node.get("maxLength", "")
    if least or most != "":
        found.append(f"(?s:.{{{least},{most}}})")
    pattern = node.get("pattern")
    if isinstance(pattern, str):
        try:
            found.append(f"(?:{holding_pattern(pattern)})")
        except RegexRefused as error:
            raise SchemaRefused(pointer, "pattern", str(error)) from None
    return found


def _values(node: Mapping[str, object]) -> list[object] | None:
    if "const" in node:
        return [node["const"]]
    values = node.get("enum")
    return values if isinstance(values, list) else None


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
