"""Schemas over all keywords, as data: what each lets pass is valid, or it is refused by name.

`schemas.jsonl` has one a line: `accepts` are documents that have to pass, `refused` is the pointer
and the keyword that the refusal names.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema import validators

from server.grammar import json_rule
from server.schema import RequestDefaults
from server.schema import SchemaError
from server.schema import parse_completion
from tests.fakes import ByteTokenizer
from tests.grammar.walks import matcher_of
from tests.grammar.walks import walk

LINES = (Path(__file__).parent / "schemas.jsonl").read_text(encoding="utf-8").splitlines()
CASES: list[dict[str, Any]] = [json.loads(line) for line in LINES]
TAKEN = [case for case in CASES if "accepts" in case]
REFUSED = [case for case in CASES if "refused" in case]
N_WALKS = 6


def name(case: dict[str, Any]) -> str:
    """What a case is called."""
    return f"{case['about']}-{json.dumps(case['schema'])[:60]}"


def test_there_are_as_many_as_are_promised() -> None:
    assert len(CASES) >= 200
    assert len({json.dumps(case["schema"]) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", TAKEN, ids=name)
def test_a_schema_lets_pass_what_is_valid_and_nothing_else(case: dict[str, Any]) -> None:
    schema = case["schema"]
    kind = validators.validator_for(schema, default=Draft202012Validator)
    validator = kind(schema, format_checker=kind.FORMAT_CHECKER)
    matcher, rng = matcher_of(json_rule(schema)), random.Random(json.dumps(schema))
    for _ in range(N_WALKS):
        text = walk(matcher, rng)
        assert validator.is_valid(json.loads(text)), text
    for document in case["accepts"]:
        assert validator.is_valid(document)
        whole = matcher.deep_copy()
        text = json.dumps(document, ensure_ascii=False)
        assert whole.consume_tokens(list(text.encode())), text
        assert whole.is_accepting(), text


@pytest.mark.parametrize("case", REFUSED, ids=name)
def test_a_schema_that_cannot_be_kept_is_refused_by_name(case: dict[str, Any]) -> None:
    pointer, keyword = case["refused"]
    with pytest.raises(SchemaError) as caught:
        parse_completion({"json_schema": case["schema"]}, RequestDefaults(), ByteTokenizer())
    assert caught.value.status == 400
    named = f"{pointer or '/'}: '{keyword}'" if keyword else f"{pointer or '/'}: "
    assert f"JSON schema at {named}" in caught.value.message
