"""Values that may be bare texts, without quotes: what their schema lets them be.

The parser takes a bare text for a number, an object or the like where the schema allows those, so
that such texts are left out, unless any value of that type is valid.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.chat.formats.format import CDATA
from server.chat.formats.format import CDATA_END
from server.chat.grammar.kinds import listed_values
from server.chat.grammar.kinds import texts_allowed
from server.chat.grammar.rules import Rules
from server.chat.grammar.rules import escaped
from server.chat.grammar.rules import matching
from server.chat.grammar.rules import sequence
from server.chat.grammar.rules import until
from server.chat.reading.values import ends_of
from server.chat.reading.values import quoted
from server.chat.reading.values import text_as_json
from server.chat.tools import Schema
from server.grammar import SchemaRefused
from server.grammar import quote
from server.grammar import valid_values

ANYTHING = "(?s:.*)"
EDGE = r"[\s\x{1C}-\x{1F}]*"
"""White space, as Python has it."""
LOOKS = {
    "null": "(?:null|None)",
    "boolean": "(?:[Tt]rue|[Ff]alse)",
    "number": r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+\x{2D}]?[0-9]+)?",
    "array": rf"\[{ANYTHING}",
    "object": rf"\{{{ANYTHING}",
}
"""How texts look that may be taken for a value of another type."""
WORDS: Mapping[str, list[Any]] = {
    "null": [None],
    "boolean": [True, False],
    "array": [],
    "object": [],
}
INTEGER = "-?(?:0|[1-9][0-9]{0,14})"
NUMBER = rf"{INTEGER}(?:\.[0-9]{{1,6}})?"


@dataclass(frozen=True, slots=True)
class Site:
    """Where a bare text stands. end: what comes after it.

    types: for what a text may be taken; empty: for a text, whatever it looks like. None: anything.
    marks: what it is no text after. cdata: whether it may stand in a CDATA section.
    """

    end: str
    types: frozenset[str] | None = frozenset()
    marks: tuple[str, ...] = ()
    cdata: bool = False


def text_rules(rules: Rules, schema: Schema, pointer: str, site: Site) -> list[str]:
    """The texts of a schema with what comes after them, as alternatives. SchemaRefused."""
    found: list[str] = []
    bars = [matching(f"{bar}{escaped(site.end)}") for bar in _bars(schema, site)]
    if site.cdata:
        bars.append(matching(escaped(CDATA) + ANYTHING))
    barred = "".join(f" & ~{bar}" for bar in bars)
    for texts in texts_allowed(schema, pointer):
        if texts.listed is not None:
            found += [quote(whole) for text in texts.listed for whole in _written(text, site)]
            continue
        expression = until(site.end, *texts.expressions) + barred
        if not rules.count(expression, texts.n_counted * (1 + site.cdata)):
            message = "counts more letters than can be held to in the way this model writes"
            raise SchemaRefused(pointer, "maxLength", message)
        found.append(rules.lazy("text", expression))
        if site.cdata:
            section = rules.lazy("cdata", until(CDATA_END, *texts.expressions))
            found.append(sequence(quote(CDATA), section, quote(site.end)))
    return found


def word_rules(schema: Schema, kind: str, site: Site) -> list[str]:
    """Numbers, truth values and null that stand bare, with what comes after them.

    schema: of one kind alone. Of numbers that have limits, those that can be listed.
    """
    values = WORDS.get(kind, listed_values(schema))
    found = [
        quote(json.dumps(v) + site.end) for v in valid_values(schema.node, schema.root, values)
    ]
    if kind == "number" and schema.is_free("integer"):
        shown = NUMBER if schema.is_free("number") else INTEGER
        found.append(matching(shown + escaped(site.end)))
    return found


def is_loose(schema: Schema, kind: str) -> bool:
    """Whether a text that looks like a value of a type may be taken for either."""
    return schema.is_free("string") and schema.is_free(kind)


def _numeric(types: frozenset[str]) -> frozenset[str]:
    return types | {"number"} if "integer" in types else types


def _bars(schema: Schema, site: Site) -> Iterator[str]:
    """Expressions of what is taken for something else."""
    for mark in site.marks:
        yield f"{EDGE}{escaped(mark)}{ANYTHING}"
    types = frozenset(LOOKS) if site.types is None else _numeric(site.types)
    for kind in LOOKS:
        names = types & {"number", "integer"} if kind == "number" else types & {kind}
        if any(not is_loose(schema, name) for name in names):
            yield f"{EDGE}{LOOKS[kind]}{EDGE}"


def _written(text: str, site: Site) -> Iterator[str]:
    """A text and what comes after it, if it can be written."""
    is_section = site.cdata and text.startswith(CDATA)
    if _is_read_whole(text, site) and not is_section:
        yield text + site.end
    elif site.cdata and (text + CDATA_END).find(CDATA_END) == len(text):
        yield CDATA + text + CDATA_END + site.end


def _is_read_whole(text: str, site: Site) -> bool:
    """Whether a bare text is read as what it is."""
    found = ends_of(site.end).pattern.search(text + site.end)
    if found is None or found.start() != len(text):
        return False
    if site.types == frozenset():
        return True
    if text.lstrip().startswith(("[", "{", *site.marks)):
        return False
    return text_as_json(text, site.types) == quoted(text)
