"""What a request asks of the form of its output, and where its thoughts end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from server.engine.task import Constraint
from server.engine.task import Reasoning
from server.engine.task import SamplingParams
from server.grammar import json_rule
from server.schema import CompletionParams
from server.schema import RequestDefaults
from server.schema import SchemaError
from server.schema import openai_chat_body
from server.schema import parse_completion
from tests.byte_tokenizer import ByteTokenizer

Parse = Callable[[dict[str, Any]], CompletionParams]

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
BOOLEAN = {"type": "boolean"}
TAGS = {"reasoning_budget_start_tag": "<think>\n", "reasoning_budget_end_tags": ["\n</think>\n\n"]}


@pytest.fixture
def parse() -> Parse:
    """A parser over bytes as tokens."""
    tokenizer = ByteTokenizer()
    return lambda body: parse_completion(body, RequestDefaults(), tokenizer)


def constraint(parse: Parse, **body: object) -> Constraint:
    """The constraint of a request that has one."""
    found = parse(body).sampling.constraint
    assert found is not None
    return found


def of_schema(schema: object) -> Constraint:
    """What a schema alone becomes."""
    return Constraint("start: " + json_rule(schema))


@pytest.mark.parametrize(
    ("body", "schema"),
    [
        ({"json_schema": SCHEMA}, SCHEMA),
        ({"json_schema": {}}, {"type": "object"}),
        ({"json_schema": True}, True),
        ({"response_format": {"type": "json_object"}}, {"type": "object"}),
        ({"response_format": {"type": "json_object", "schema": SCHEMA}}, SCHEMA),
        ({"response_format": {"type": "json_object", "schema": {}}}, {"type": "object"}),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}}, SCHEMA),
        ({"response_format": {"type": "json_schema", "schema": SCHEMA}}, SCHEMA),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, {"type": "object"}),
        ({"response_format": {"type": "json_schema"}}, {"type": "object"}),
        # as in the reference: the format says more than the field, if it says anything
        ({"response_format": {"type": "json_object"}, "json_schema": SCHEMA}, SCHEMA),
        (
            {"response_format": {"type": "json_object", "schema": BOOLEAN}, "json_schema": SCHEMA},
            BOOLEAN,
        ),
        (
            {"response_format": {"type": "json_schema", "schema": BOOLEAN}, "json_schema": SCHEMA},
            BOOLEAN,
        ),
        ({"response_format": {"type": "text"}, "json_schema": SCHEMA}, SCHEMA),
        ({"json_schema": SCHEMA, "grammar": ""}, SCHEMA),
    ],
)
def test_a_schema_is_taken_from_all_its_places(
    body: dict[str, Any], schema: object, parse: Parse
) -> None:
    assert constraint(parse, **body) == of_schema(schema)


@pytest.mark.parametrize(
    ("body", "lark"),
    [
        ({"regex": "a/b"}, r"start: /a\x{2F}b/"),
        ({"response_format": {"type": "regex", "regex": "x+"}}, "start: /x+/"),
        ({"lark": 'start: "x"'}, 'start: "x"'),
        ({"response_format": {"type": "lark", "lark": 'start: "x"'}}, 'start: "x"'),
        ({"grammar": '%llguidance {}\nstart: "x"'}, '%llguidance {}\nstart: "x"'),
    ],
)
def test_expressions_and_lark_are_taken(body: dict[str, Any], lark: str, parse: Parse) -> None:
    assert constraint(parse, **body) == Constraint(lark)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"grammar": ""},
        {"regex": ""},
        {"lark": ""},
        {"response_format": {}},
        {"response_format": {"type": "text"}},
        {"response_format": None, "json_schema": None},
    ],
)
def test_what_asks_for_nothing_constrains_nothing(body: dict[str, Any], parse: Parse) -> None:
    assert parse(body).sampling == SamplingParams()


def test_a_grammar_wins_over_a_schema_in_a_completion_and_not_in_a_chat(parse: Parse) -> None:
    body: dict[str, Any] = {"json_schema": {}, "grammar": "root ::= [a]"}
    sampling = parse(body).sampling
    assert (sampling.grammar, sampling.constraint) == ("root ::= [a]", None)
    with pytest.raises(SchemaError, match="Cannot use both json_schema and grammar"):
        openai_chat_body(body)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"regex": "a", "lark": "start: /a/"}, ("regex", "lark")),
        ({"regex": "a", "json_schema": {}}, ("json_schema", "regex")),
        ({"regex": "a", "grammar": "root ::= [a]"}, ("regex", "grammar")),
        (
            {"lark": "start: /a/", "response_format": {"type": "json_object"}},
            ("lark", "response_format"),
        ),
        ({"grammar": "%llguidance {}", "json_schema": {}}, ("json_schema", "grammar")),
    ],
)
def test_two_wishes_are_refused_by_name(
    body: dict[str, Any], fields: tuple[str, ...], parse: Parse
) -> None:
    with pytest.raises(SchemaError) as caught:
        parse(body)
    assert all(field in caught.value.message for field in fields)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {"type": "yaml"}}, "response_format"),
        ({"response_format": {"type": "regex"}}, "response_format.regex"),
        ({"response_format": {"type": "lark", "lark": 5}}, "response_format.lark"),
        ({"response_format": {"type": "json_object", "schema": 5}}, "response_format.schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}},
            "response_format.json_schema.schema",
        ),
        ({"json_schema": 5}, "json_schema"),
        ({"json_schema": {"properties": {"a/b": {"type": "x"}}}}, "json_schema"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], field: str, parse: Parse) -> None:
    with pytest.raises(SchemaError) as caught:
        parse(body)
    assert caught.value.field == field
    assert caught.value.status == 400


def test_the_servers_schema_holds_unless_a_request_has_its_own() -> None:
    tokenizer = ByteTokenizer()
    server = of_schema(SCHEMA)
    defaults = RequestDefaults(sampling=SamplingParams(constraint=server))

    def parse(body: dict[str, Any]) -> SamplingParams:
        return parse_completion(body, defaults, tokenizer).sampling

    assert parse({}).constraint == server
    assert parse({"json_schema": BOOLEAN}).constraint == of_schema(BOOLEAN)
    assert parse({"grammar": "root ::= [a]"}).constraint is None
    assert parse({"grammar": ""}) == SamplingParams()


# reasoning


def test_a_schema_binds_after_thoughts_that_the_prompt_begins(parse: Parse) -> None:
    found = constraint(parse, json_schema=BOOLEAN, generation_prompt="<a><think>\n", **TAGS)
    assert found.after == ("</think>",)
    assert found.lark.startswith("start: SPACE? answer\n")


def test_a_schema_lets_thoughts_come_first(parse: Parse) -> None:
    found = constraint(parse, json_schema=BOOLEAN, generation_prompt="<a>", **TAGS)
    assert found.after == ()
    assert found.lark.startswith("start: (thoughts SPACE?)? answer\n")


def test_a_schema_binds_at_once_where_thinking_is_over(parse: Parse) -> None:
    prompt = "<a><think>\n\n</think>\n\n"
    found = constraint(parse, json_schema=BOOLEAN, generation_prompt=prompt, **TAGS)
    assert found == of_schema(BOOLEAN)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"reasoning_budget_tokens": 5}, Reasoning("<think>", ("</think>",), (), 5)),
        ({"reasoning_control": True}, Reasoning("<think>", ("</think>",), (), -1, False, True)),
        (
            {"reasoning_budget_tokens": 0, "generation_prompt": "<think>\n"},
            Reasoning("<think>", ("</think>",), (), 0, True),
        ),
        ({"reasoning_budget_tokens": -1}, None),
        ({"reasoning_budget_tokens": 5, "reasoning_budget_end_tags": []}, None),
    ],
)
def test_a_reasoning_budget_is_read(
    body: dict[str, Any], expected: Reasoning | None, parse: Parse
) -> None:
    found = parse(TAGS | body).sampling.reasoning
    if expected is None:
        assert found is None
    else:
        assert found == replace(expected, forced=tuple(b"\n</think>\n\n"))


def test_a_message_comes_before_the_end_of_reasoning(parse: Parse) -> None:
    body = TAGS | {"reasoning_budget_tokens": 5, "reasoning_budget_message": "Enough."}
    found = parse(body).sampling.reasoning
    assert found is not None
    assert found.forced == tuple(b"Enough.\n</think>\n\n")
