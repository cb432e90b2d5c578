"""Regular expressions of schemas mean what validators take them for."""

from __future__ import annotations

import json
import random
import re

import pytest

from server.grammar import RegexRefused
from server.grammar import json_rule
from server.grammar.patterns import search_patterns
from server.grammar.patterns import whole_pattern
from tests.grammar.walks import matcher_of
from tests.grammar.walks import walk

PATTERNS = [
    "^foo", "^foo$", "^(foo|bar)$", "^foo(?:$|b)", "^^foo$$", "^a{2}b{1,}c{0,2}$", "^a*?b+?c??$",
    r"^\d{2}-\w+\s\S$", r"^[^\d]\W$", r"^[^\W]\D$", r"^[\w-]+$", r"^[\]\[]$", "^[a&&b]$", "^[[a]$",
    r"^\x41B\/\-\_$", "^.$", r"^\.\$\^$", "^{$", "^a{b$", "^]}$", "^[/]$", r"^[\\]$", "^#~@%!$",
    r"^(?P<x>a)b$", "^[a-c-]$", "^é€😀$", r"^\u00e9$", r"^(a|b(c|d(e)?)){2}$",
    "^(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9]{4,6}$",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")
@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_a_pattern_lets_pass_is_found_by_a_validator(pattern: str) -> None:
    matcher, rng = matcher_of(json_rule({"type": "string", "pattern": pattern})), random.Random(1)
    for _ in range(15):
        text = json.loads(walk(matcher, rng))
        assert re.search(pattern, text), (pattern, text)


@pytest.mark.parametrize(
    "pattern", ["foo", "foo$", "^foo|bar$", "(^foo)|bar", "foo$|^bar", "^$|foo"]
)
def test_a_pattern_is_found_where_a_validator_finds_it(pattern: str) -> None:
    matcher = matcher_of(json_rule({"type": "string", "pattern": pattern}))
    for text in ("foo", "xfoox", "foobar", "bar", "xbar", "abfoo", ""):
        copy, data = matcher.deep_copy(), list(json.dumps(text).encode())
        passes = copy.try_consume_tokens(data) == len(data) and copy.is_accepting()
        assert passes == bool(re.search(pattern, text)), (pattern, text)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?!a)b", "(?<=a)b", "(?<!a)b", "a(?=b)", "(a)\\1", r"\bfoo", r"\Bx", "(", ")", "a)", "[",
        "[]", "[^]", "[z-a]", "a**", "a++", "*a", "^*", "(?i)a", r"\cA", r"\e", r"\Z", "\\",
        "(?=a)b|c", r"\ud800", "(" * 60 + ")" * 60, r"\u{110000}",
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_refused(pattern: str) -> None:
    with pytest.raises(RegexRefused) as error:
        search_patterns(pattern)
    assert str(error.value)


@pytest.mark.parametrize(
    ("pattern", "whole"),
    [("^a$", "a"), ("^a|b$", "a|b"), ("(^a|b)c", "(?:a|b)c"), ("a(b$|c)", "a(?:b|c)"), ("", "")],
)
def test_whole_expressions_need_no_anchors(pattern: str, whole: str) -> None:
    assert whole_pattern(pattern) == whole


@pytest.mark.parametrize("pattern", ["a^b", "(a^|b)c", "(^a)+b", "^(?=a)b", "a$b"])
def test_anchors_elsewhere_are_refused_in_whole_expressions(pattern: str) -> None:
    with pytest.raises(RegexRefused):
        whole_pattern(pattern)
