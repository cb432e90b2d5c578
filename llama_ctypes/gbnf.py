"""What libllama's parser of GBNF would not survive, found in the text before it reads it.

The parser recurses without a limit, and writes repetitions out: `"ab"{9}` is nine times the text
(each character takes 8 bytes), `"ab"{0,9}` nine more rules. It takes a second count that is less
than the first for one of 2**64. In how many ways rules begin is looked at in gbnf_begin.py.
llama.cpp src/llama-grammar.cpp: parse_sequence
"""

from __future__ import annotations

import re

from llama_ctypes import gbnf_begin
from llama_ctypes.errors import GrammarError

MAX_NESTING = 500
MAX_RULES = 10_000
MAX_REPEATED_RULES = 40_000
"""Measured: 8 MiB of stack hold 10,000 levels, or chains of 50,000 rules."""

MAX_REPEATED = 1_000_000
"""What repetitions may add to a grammar, in characters: 8 MB."""

MAX_COUNT = 2000
"""A greater first count is refused by the parser, a greater second one means any number."""

_QUOTED = r'"(?:\\.|[^"\\])*"?|\[(?:\\.|[^\]\\])*\]?|<[^>]*>?'
_SPACE = "[ \t\r\n]*"
REMARK = re.compile(rf"({_QUOTED})|#[^\r\n]*", re.DOTALL)
PIECE = re.compile(
    rf"(?P<quoted>{_QUOTED})|(?P<sign>[*+?])|(?P<one>[a-zA-Z0-9-]+|[.)])"
    rf"|\{{{_SPACE}(?P<least>[0-9]+){_SPACE}(?P<comma>,)?{_SPACE}(?P<most>[0-9]*){_SPACE}\}}",
    re.DOTALL,
)


def check(text: str) -> None:
    """GrammarError for a grammar that would take all memory, all of the stack, or all time."""
    depth = 0
    for bracket in re.findall(r"[()]", text):
        depth += 1 if bracket == "(" else -1 if depth else 0
        if depth > MAX_NESTING:
            raise GrammarError(f"the grammar nests deeper than {MAX_NESTING} levels; use rules")
    if text.count("::=") > MAX_RULES:
        raise GrammarError(f"the grammar has more than {MAX_RULES} rules")
    text = REMARK.sub(r"\1", text)
    _check_repetitions(text)
    gbnf_begin.check(text)


def _check_repetitions(text: str) -> None:
    """As `check`, of a text without remarks."""
    size, n_rules, n_added = 0, 0, 0
    for piece in PIECE.finditer(text):
        if piece["quoted"] or piece["one"]:
            size = len(piece["quoted"] or ".")
            continue
        least, n_optional = (0, 1) if piece["sign"] else _counts(piece)
        n_rules += n_optional
        n_added += size * (least + n_optional)
        size *= max(least, 1)
        if n_rules > MAX_REPEATED_RULES or n_added > MAX_REPEATED:
            raise GrammarError("the grammar repeats too much too often; use smaller counts")


def _counts(piece: re.Match[str]) -> tuple[int, int]:
    """How often something has to be there, and how often more it may be."""
    least = _count(piece["least"])
    if not piece["comma"]:
        return least, 0
    most = _count(piece["most"]) if piece["most"] else MAX_COUNT + 1
    if most < least:
        raise GrammarError(f"the grammar repeats from {least} to {most} times; the least is first")
    return least, 1 if most > MAX_COUNT else most - least


def _count(digits: str) -> int:
    """A number, but not more than is told apart."""
    significant = digits.lstrip("0")[: len(str(MAX_COUNT)) + 1]
    return min(int(significant or 0), MAX_COUNT + 1)
