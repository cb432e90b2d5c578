"""Loops over the rows: what holds for every field."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.engine.task import SamplingParams
from server.schema import FIELDS
from server.schema import CompletionParams
from server.schema import RequestDefaults
from server.schema import SchemaError
from server.schema import parse_completion
from server.schema.bodies import COMPLETION
from server.schema.docs import PAGE
from server.schema.docs import page
from server.schema.field import Field
from server.schema.field import Into
from server.schema.field import Kind
from server.schema.field import float32
from server.schema.table import default_of
from tests.schema.conftest import Parse
from tests.schema.vectors import RecordedTokenizer
from tests.schema.vectors import load

ATTRIBUTES = {
    Into.REQUEST: {field.name for field in fields(CompletionParams)},
    Into.SAMPLING: {field.name for field in fields(SamplingParams)},
}
SET_ELSEWHERE = {
    Into.REQUEST: {"sampling", "reasoning_in_content", "speculative_types"},
    Into.SAMPLING: {"constraint", "reasoning", "triggers"},
}
NUMERIC = [row for row in FIELDS if row.kind in (Kind.INT, Kind.FLOAT)]
LIMITED = [row for row in NUMERIC if row.parse is None]
SAMPLES: dict[str, Any] = {
    "n_cmpl": 2,
    "cache_salt": "x",
    "id_slot": 1,
    "stop": "x",
    "dry_base": 2.5,
    "response_fields": ["content"],
    "dry_sequence_breakers": ["x"],
    "samplers": ["top_k"],
    "logit_bias": [[1, 2.0]],
    "grammar": 'root ::= "a"',
    "json_schema": {},
    "grammar_triggers": [{"type": 2, "value": "a"}],
    "preserved_tokens": ["<s>"],
    "lora": [{"id": 1, "scale": 0}],
    "chat_format": 2,
    "reasoning_format": "none",
    "generation_prompt": "x",
    "continue_final_message": True,
    "reasoning_budget_start_tag": "x",
    "reasoning_budget_end_tags": ["x"],
    "reasoning_budget_message": "x",
}
KIND_SAMPLES = {Kind.BOOL: True, Kind.INT: 3, Kind.FLOAT: 0.25}


def by_name(row: Field) -> str:
    return row.name


def sample(row: Field) -> Any:
    """A value that differs from the default."""
    value = SAMPLES.get(row.name, KIND_SAMPLES.get(row.kind))
    if isinstance(value, bool):
        return not default_of(row, RequestDefaults())
    return value


def body(row: Field, name: str, value: object) -> dict[str, Any]:
    return {row.parent: {name: value}} if row.parent else {name: value}


def stored(row: Field, params: CompletionParams) -> Any:
    return getattr(params.sampling if row.into is Into.SAMPLING else params, row.target)


PARSED = [row for row in FIELDS if row.name != "prompt"]
STORED = [row for row in PARSED if row.into is not Into.NOWHERE]
PROMPTS = jsonschema.Draft202012Validator(COMPLETION.json_schema())
ALIASES = [(row, alias) for row in PARSED for alias in row.aliases]


def test_names_and_aliases_are_unique() -> None:
    counts = Counter(name for row in FIELDS for name in (row.name, *row.aliases))
    assert not [name for name, n in counts.items() if n > 1]


@pytest.mark.parametrize("into", ATTRIBUTES)
def test_every_attribute_has_one_row(into: Into) -> None:
    targets = Counter(row.target for row in STORED if row.into is into)
    assert set(targets) == ATTRIBUTES[into] - SET_ELSEWHERE[into]
    assert set(targets.values()) == {1}


@pytest.mark.parametrize("row", FIELDS, ids=by_name)
def test_every_row_explains_itself_in_one_line(row: Field) -> None:
    assert row.help.endswith(".") and "\n" not in row.help


@pytest.mark.parametrize("row", STORED, ids=by_name)
def test_a_given_value_replaces_the_default(row: Field, parse: Parse) -> None:
    params = parse(body(row, row.name, sample(row)))
    assert stored(row, params) != default_of(row, RequestDefaults(n_slots=2))


@pytest.mark.parametrize("row", STORED, ids=by_name)
def test_null_is_the_same_as_absent(row: Field, parse: Parse) -> None:
    assert parse(body(row, row.name, None)) == parse({})


@pytest.mark.parametrize(("row", "alias"), ALIASES, ids=[alias for _, alias in ALIASES])
def test_an_alias_means_the_same_as_the_name(row: Field, alias: str, parse: Parse) -> None:
    assert parse(body(row, alias, sample(row))) == parse(body(row, row.name, sample(row)))


@pytest.mark.parametrize(("row", "alias"), ALIASES, ids=[alias for _, alias in ALIASES])
def test_the_name_wins_over_an_alias_unless_it_is_null(
    row: Field, alias: str, parse: Parse
) -> None:
    name_wins = parse({row.name: sample(row), alias: ["not", 0, "valid"]})
    null_loses = parse({row.name: None, alias: sample(row)})
    assert name_wins == null_loses == parse({row.name: sample(row)})


@pytest.mark.parametrize("row", NUMERIC, ids=by_name)
def test_a_string_is_no_number(row: Field, parse: Parse) -> None:
    with pytest.raises(SchemaError, match=f"^Field '{row.name}': expected an? .* got a string$"):
        parse({row.name: "1"})


@pytest.mark.parametrize("row", [row for row in FIELDS if row.kind is Kind.BOOL], ids=by_name)
def test_a_number_is_no_boolean(row: Field, parse: Parse) -> None:
    label = row.label(row.name)
    with pytest.raises(SchemaError, match=f"^Field '{label}': expected true or false"):
        parse(body(row, row.name, 1))


@pytest.mark.parametrize("row", LIMITED, ids=by_name)
@given(data=st.data())
def test_every_value_within_the_limits_is_kept(row: Field, data: st.DataObject) -> None:
    limits = row.soft or row.hard or (-1000, 1000)
    if row.kind is Kind.INT:
        value: float = data.draw(st.integers(int(limits[0]), int(limits[1])))
    else:
        value = float32(data.draw(st.floats(limits[0], limits[1])))
    params = parse_completion({row.name: value}, RequestDefaults(), RecordedTokenizer())
    assert stored(row, params) == value


@pytest.mark.parametrize("row", [row for row in LIMITED if row.soft], ids=by_name)
@given(excess=st.floats(min_value=1.0, max_value=1e40))
def test_a_value_beyond_a_soft_limit_becomes_the_limit(row: Field, excess: float) -> None:
    assert row.soft is not None
    for bound, value in zip(row.soft, (row.soft[0] - excess, row.soft[1] + excess), strict=True):
        params = parse_completion({row.name: value}, RequestDefaults(), RecordedTokenizer())
        assert stored(row, params) == bound


@pytest.mark.parametrize("row", [row for row in LIMITED if row.hard], ids=by_name)
@given(excess=st.integers(min_value=1, max_value=10**30))
def test_a_value_beyond_a_hard_limit_is_refused(row: Field, excess: int) -> None:
    assert row.hard is not None
    for value in (row.hard[0] - excess, row.hard[1] + excess):
        with pytest.raises(SchemaError, match=f"^Field '{row.name}': must be between"):
            parse_completion({row.name: value}, RequestDefaults(), RecordedTokenizer())


@pytest.mark.parametrize("row", PARSED, ids=by_name)
def test_the_json_schema_allows_what_the_parser_accepts(row: Field) -> None:
    instance = {"prompt": "a", **body(row, row.name, sample(row))}
    jsonschema.validate(instance, COMPLETION.json_schema())


@pytest.mark.parametrize("vector", load("prompts"), ids=lambda v: json.dumps(v["prompt"]))
def test_the_json_schema_allows_every_form_of_prompt(vector: dict[str, Any]) -> None:
    valid = PROMPTS.is_valid({"prompt": vector["prompt"]})
    assert valid or "status" in vector


def test_the_reference_page_is_up_to_date() -> None:
    root = Path(__file__).parent.parent.parent
    assert (root / PAGE).read_text(encoding="utf-8") == page()
