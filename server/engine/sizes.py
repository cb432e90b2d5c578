"""How large a grammar is, before anybody compiles it: what is too large for that is found here.

An estimate over the text: it knows brackets, repetitions and escapes, but no grammar.
"""

from __future__ import annotations

import re

from server.engine.errors import BadGrammar

MAX_LENGTH = 1 << 20
"""Characters."""

MAX_DEPTH = 200
"""Brackets nest no deeper: those who read grammars recurse."""

MAX_REPEATED = 100_000
"""What repetitions may add to the least text that a grammar asks for, in characters."""

COUNT = re.compile(r"\{(?P<least>\d+)\s*(?:,\s*\d*)?\s*\}|~\s*(?P<tilde>\d+)")


def check_size(lark: str) -> None:
    """BadGrammar for what is too large to be looked at."""
    if len(lark) > MAX_LENGTH:
        raise BadGrammar(f"grammar: is longer than {MAX_LENGTH} characters; make it smaller")
    if depth(lark) > MAX_DEPTH:
        raise BadGrammar(f"grammar: nests deeper than {MAX_DEPTH} levels; make it flatter")
    if least_length(lark) - len(lark) > MAX_REPEATED:
        raise BadGrammar("grammar: its repetitions ask for too long a text; repeat less")


def depth(text: str) -> int:
    """How deep brackets nest; those without an end count, too."""
    level = deepest = 0
    for character in text:
        if character in "([{":
            level += 1
            deepest = max(deepest, level)
        elif character in ")]}" and level:
            level -= 1
    return deepest


def least_length(text: str) -> int:
    """The characters of a text in which groups are repeated as often as they have to be."""
    if not COUNT.search(text):
        return len(text)
    levels, last, i = [0], 0, 0
    while i < len(text):
        character = text[i]
        count = COUNT.match(text, i) if character in "{~" else None
        if count is not None:
            times = int(count["least"] or count["tilde"])
            levels[-1] += last * (min(times, MAX_REPEATED * 10) - 1)
            last = max(1, last * times)
            i = count.end()
            continue
        if character == "(":
            levels.append(0)
        elif character == ")" and len(levels) > 1:
            last = levels.pop()
            levels[-1] += last
        else:
            last = 1
            levels[-1] += 1
        i += 2 if character == "\\" else 1
    return sum(levels)
