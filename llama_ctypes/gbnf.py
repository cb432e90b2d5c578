"""What libllama's parser of GBNF would not survive, found in the text before it reads it.

The parser recurses without a limit, and writes repetitions out: `"ab"{9}` is nine times the text
(each character takes 8 bytes), `"ab"{0,9}` nine more rules. It takes a second count that is less
than the first for one of 2**64. In how many ways rules begin is looked at in gbnf_begin.py.
llama.cpp src/llama-grammar.cpp: parse_sequence
"""

from __future__ import annotations

import re
from functools import lru_cache

from llama_ctypes import gbnf_begin
from llama_ctypes.errors import GrammarError
from llama_ctypes.gbnf_begin import COUNTS
from llama_ctypes.gbnf_begin import MAX_COUNT
from llama_ctypes.gbnf_begin import counts

MAX_NESTING = 500
MAX_RULES = 10_000
MAX_REPEATED_RULES = 40_000
"""Measured: 8 MiB of stack hold 10,000 levels, or chains of 50,000 rules."""

MAX_PIECES = 50_000
"""Texts, names, brackets and signs: so many are looked at in some 0.1 s, while others wait."""

MAX_REPEATED = 1_000_000
"""What repetitions may add to a grammar, in characters: 8 MB."""

N_KNOWN = 16

_QUOTED = r'"(?:\\.|[^"\\])*"?|\[(?:\\.|[^\]\\])*\]?|<[^>]*>?'
REMARK = re.compile(rf"({_QUOTED})|#[^\r\n]*", re.DOTALL)
STRUCTURE = re.compile(rf"{_QUOTED}|(?P<bracket>[()])|(?P<define>::=)", re.DOTALL)
PIECE = re.compile(
    rf"(?P<quoted>{_QUOTED})|(?P<sign>[*+?])|(?P<one>[a-zA-Z0-9-]+|[.)])|{COUNTS}", re.DOTALL
)


@lru_cache(N_KNOWN)
def check(text: str) -> None:
    """GrammarError for a grammar that would take all memory, all of the stack, or all time.

    Those that passed last are known.
    """
    if "\0" in text:
        raise GrammarError("the grammar has a NUL character; libllama would stop there")
    text = REMARK.sub(r"\1", text)
    _check_structure(text)
    _check_repetitions(text)
    gbnf_begin.check(text)


def _check_structure(text: str) -> None:
    """As `check`, of a text without remarks."""
    depth = n_rules = 0
    for piece in STRUCTURE.finditer(text):
        if piece["bracket"]:
            depth += 1 if piece["bracket"] == "(" else -1 if depth else 0
        n_rules += piece["define"] is not None
        if depth > MAX_NESTING:
            raise GrammarError(f"the grammar nests deeper than {MAX_NESTING} levels; use rules")
    if n_rules > MAX_RULES:
        raise GrammarError(f"the grammar has more than {MAX_RULES} rules")


def _check_repetitions(text: str) -> None:
    """As `check`, of a text without remarks; also whether it is too long to be looked at."""
    size, n_rules, n_added = 0, 0, 0
    for i, piece in enumerate(PIECE.finditer(text)):
        if i == MAX_PIECES:
            raise GrammarError(f"the grammar has more than {MAX_PIECES} texts, names and signs")
        if piece["quoted"] or piece["one"]:
            size = len(piece["quoted"] or ".")
            continue
        least, n_optional = (0, 1) if piece["sign"] else _written_out(piece)
        n_rules += n_optional
        n_added += size * (least + n_optional)
        size *= max(least, 1)
        if n_rules > MAX_REPEATED_RULES or n_added > MAX_REPEATED:
            raise GrammarError("the grammar repeats too much too often; use smaller counts")


def _written_out(piece: re.Match[str]) -> tuple[int, int]:
    """How often something has to be there, and how many rules say that it may be more often."""
    least, most = counts(piece)
    if most < least:
        raise GrammarError(f"the grammar repeats from {least} to {most} times; the least is first")
    return least, 1 if most > MAX_COUNT and piece["comma"] else most - least
