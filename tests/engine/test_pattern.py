"""Regular expressions over growing texts: held against Python's own over all of the text."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from server.engine.pattern import PatternRefused
from server.engine.pattern import PatternSearch

ATOMS = ["a", "b", "c", ".", " ", "[ab]", "[^a]", "[a-b ]", r"\w", r"\s", r"\D", "^", "$", r"\b"]
QUANTIFIERS = ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{1,}", "{0,2}?"]

expressions = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(QUANTIFIERS)).map(lambda two: f"(?:{two[0]}){two[1]}"),
    ),
    max_leaves=8,
)


def first_found(pattern: str, text: str) -> tuple[int, int] | None:
    """(length, place) of the shortest beginning of a text in which a pattern is found."""
    search = PatternSearch(pattern)
    for n in range(len(text) + 1):
        place = search.found(n)
        if place is not None:
            return n, place
        search.push(text[n : n + 1], [n][: len(text) - n])
    return None


def first_found_by_python(pattern: str, text: str) -> tuple[int, int] | None:
    expression = re.compile(pattern.replace("$", r"\Z"), re.ASCII)
    for n in range(len(text) + 1):
        match = expression.search(text[:n])
        if match is not None:
            groups = range(1, expression.groups + 1)
            return n, match.start(next((i for i in groups if match[i]), 0))
    return None


@given(expressions, st.text("abc \n", max_size=10))
@settings(max_examples=400, deadline=None)
def test_what_is_found_first_is_what_python_finds(pattern: str, text: str) -> None:
    try:
        found = first_found(pattern, text)
    except PatternRefused:
        assume(False)
    assert found == first_found_by_python(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("née", "une née", (7, 4)),
        (r"[\s\S]*?(<tool_call>)[\s\S]*", "x<tool_call>{", (12, 1)),
        (r"\x41\u0042\cJ", "AB\n", (3, 0)),
        ("[[:digit:]_-]+x", "a-1_x", (5, 1)),
        (r"[\]\-]", "a-", (2, 1)),
        ("{a}", "{a}", (3, 0)),
        ("a.", "a\na\ra!", (6, 4)),
        (r"\ba\B", " a ab", (5, 3)),
        ("[^]", "a", (1, 0)),
        ("[]", "a", None),
    ],
)
def test_the_syntax_is_that_of_c(pattern: str, text: str, found: tuple[int, int] | None) -> None:
    assert first_found(pattern, text) == found


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "a)",
        "[a",
        "*",
        "a**",
        "a{2,1}",
        "[b-a]",
        "(?=a)",
        "(?<!a)",
        r"(a)\1",
        r"\q",
        "\\",
        "[[:no:]]",
        "(" * 60 + ")" * 60,
        "((a{100}){100}){100}",
        "(?:" * 40 + ")" + "{9999})" * 39 + "{9999}" + "a{501}",
        "a" * 5000,
    ],
)
def test_what_is_none_or_too_much_is_refused(pattern: str) -> None:
    with pytest.raises(PatternRefused):
        PatternSearch(pattern)


def test_no_expression_makes_a_character_dear() -> None:
    search = PatternSearch("(?:(?:a|aa)+)+$|(?:a*)*b")
    n = 2000
    search.push("a" * n, range(n))
    assert search.found(n) == 0
