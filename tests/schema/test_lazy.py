"""Lazy grammars in a request: triggers as written, as shown again, and as the engine has them."""

from __future__ import annotations

from typing import Any

import pytest

from server.engine.task import Trigger
from server.engine.task import TriggerKind
from server.schema import CompletionParams
from server.schema import RequestDefaults
from server.schema import SchemaError
from server.schema import generation_settings
from server.schema import parse_completion
from tests.byte_tokenizer import ByteTokenizer

GRAMMAR = 'root ::= "a"'
WORD = {"type": 1, "value": "ab"}


def parse(**body: Any) -> CompletionParams:
    """Every byte is a token."""
    return parse_completion(body, RequestDefaults(), ByteTokenizer())


def lazy(*triggers: Any, **more: Any) -> CompletionParams:
    return parse(grammar=GRAMMAR, grammar_lazy=True, grammar_triggers=[*triggers], **more)


def test_triggers_are_shown_as_the_reference_shows_them() -> None:
    token, full = {"type": 0, "value": "x", "token": 120}, {"type": 3, "value": "a|b"}
    shown = generation_settings(lazy(WORD, token, full, preserved_tokens=["b", "a"]))
    assert shown["grammar_lazy"] is True
    assert shown["grammar_triggers"] == [WORD, token, full]
    assert shown["preserved_tokens"] == [97, 98]


def test_a_word_that_is_one_token_is_that_token_and_has_to_be_preserved() -> None:
    word = {"type": 1, "value": "x"}
    params = lazy(word, preserved_tokens=["x"])
    assert params.sampling.triggers == (Trigger(TriggerKind.TOKEN, "x", 120),)
    assert generation_settings(params)["grammar_triggers"] == [word | {"type": 0, "token": 120}]
    with pytest.raises(SchemaError, match="should be marked as preserved token: x"):
        lazy(word)


@pytest.mark.parametrize("grammar", [{}, {"grammar": GRAMMAR}])
def test_a_lazy_grammar_needs_triggers(grammar: dict[str, str]) -> None:
    with pytest.raises(SchemaError, match="no triggers set for lazy grammar!") as caught:
        parse(grammar_lazy=True, grammar_triggers=[], **grammar)
    assert caught.value.field == "grammar_triggers"


def test_a_lazy_grammar_without_the_field_never_holds() -> None:
    assert parse(grammar=GRAMMAR, grammar_lazy=True).sampling.triggers == ()
    assert parse(regex="a", grammar_lazy=True).sampling.constraint is None


def test_triggers_of_a_grammar_that_is_not_lazy_are_shown_and_do_nothing() -> None:
    params = parse(grammar=GRAMMAR, grammar_triggers=[WORD])
    assert params.sampling.triggers is None
    assert generation_settings(params)["grammar_triggers"] == [WORD]


def test_thoughts_are_followed_where_triggers_are_looked_for() -> None:
    tags = {"reasoning_budget_start_tag": "<t>", "reasoning_budget_end_tags": ["</t>"]}
    assert parse(grammar=GRAMMAR, **tags).sampling.reasoning is None
    assert lazy(WORD, **tags).sampling.reasoning is not None


def test_a_mask_waits_for_texts() -> None:
    triggers = [WORD, {"type": 0, "value": "", "token": 120}]
    sampling = parse(regex="a", grammar_lazy=True, grammar_triggers=triggers).sampling
    assert sampling.constraint is not None
    assert sampling.constraint.triggers == ("ab", "x")
    with pytest.raises(SchemaError, match="begin grammars in GBNF only"):
        parse(regex="a", grammar_lazy=True, grammar_triggers=[{"type": 2, "value": "a"}])


@pytest.mark.parametrize(
    ("trigger", "wrong"),
    [
        ("a", "element 0 is a string"),
        ({"value": "a"}, "'type' of element 0 must be 0"),
        ({"type": 4, "value": "a"}, "'type' of element 0 must be 0"),
        ({"type": True, "value": "a"}, "'type' of element 0 must be 0"),
        ({"type": 2}, "'value' of element 0 must be a string"),
        ({"type": 0, "value": "a"}, "'token' of element 0: expected an integer"),
        ({"type": 0, "value": "a", "token": 99999}, "there is no token 99999"),
        ({"type": 0, "value": "a", "token": -1}, "there is no token -1"),
    ],
)
def test_what_is_no_trigger_is_named(trigger: Any, wrong: str) -> None:
    with pytest.raises(SchemaError, match=f"Field 'grammar_triggers': .*{wrong}"):
        lazy(trigger)
