"""Texts and regular expressions, as llguidance reads them."""

from __future__ import annotations

import pytest
from llguidance import LLMatcher
from llguidance import LLTokenizer

from server.grammar import GrammarError
from server.grammar import SchemaRefused
from server.grammar import lark_grammar
from server.grammar import quote
from server.grammar import regex_rule

TOKENIZER = LLTokenizer("byte")


def matches(rule: str, text: str) -> bool:
    """Whether a grammar that is one rule matches the whole of a text."""
    matcher = LLMatcher(TOKENIZER, f"start: {rule}", log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    data = list(text.encode())
    return bool(matcher.try_consume_tokens(data) == len(data) and matcher.is_accepting())


@pytest.mark.parametrize(
    "text", ["", "a\nb", '"\\', "\x00\x01\x7f", "é€😀", "</x>", "a/b", "%json {}"]
)
def test_a_quoted_text_matches_itself_alone(text: str) -> None:
    assert matches(quote(text), text)
    assert not matches(quote(text), text + "x")


@pytest.mark.parametrize(
    ("pattern", "text"), [("[0-9]{3}", "123"), ("a/b", "a/b"), (r"a\/b", "a/b"), ("", "")]
)
def test_a_regular_expression_matches_whole_texts(pattern: str, text: str) -> None:
    assert matches(regex_rule(pattern), text)
    assert not matches(regex_rule(pattern), text + "x")


def test_schemas_in_a_grammar_are_held_to_as_all_others() -> None:
    grammar = lark_grammar(
        'start: "%json {" a # %json {\na: /%json {/ | %json {"type": "integer"} | "x"\n'
    )
    assert grammar.count("x-guidance") == 1
    assert grammar.startswith('start: "%json {" a # %json {\na: /%json {/ | %json {"x-guidance"')
    assert grammar.endswith('} | "x"\n')
    with pytest.raises(SchemaRefused):
        lark_grammar('start: %json {"contains": {}}')
    with pytest.raises(GrammarError, match="no JSON follows"):
        lark_grammar("start: %json {")
