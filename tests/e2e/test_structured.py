"""Structured output through the official client for Python, on a real model.

SmolLM2 knows nothing of schemas: that it keeps to them is the masks' doing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from typing import Literal

import jsonschema
import openai
import pydantic
import pytest

from tests.e2e import live

pytestmark = pytest.mark.model

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 12},
        "days": {"type": "integer", "minimum": 1, "maximum": 9},
        "sky": {"enum": ["clear", "cloudy"]},
    },
    "required": ["city", "days", "sky"],
    "additionalProperties": False,
}
QUESTION: Any = [{"role": "user", "content": "Weather in Oslo?"}]
GREEDY: dict[str, Any] = {"model": "any", "temperature": 0.0, "max_tokens": 96}
DATE = r"\d{4}-(0[1-9]|1[0-2])-[0-3]\d"


class Weather(pydantic.BaseModel):
    """What the model is to answer."""

    model_config = pydantic.ConfigDict(extra="forbid")

    days: int
    sky: Literal["clear", "cloudy"]


@pytest.fixture(scope="module")
def client(smollm2_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    log_path = tmp_path_factory.mktemp("structured") / "log"
    server = live.start(["-m", smollm2_path, "-c", "2048", "-np", "1", "-t", "1"], log_path)
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as made:
        yield made
    try:
        assert server.stop() == 0
    finally:
        server.kill()


def ask(client: openai.OpenAI, **wish: Any) -> str:
    """The whole answer; the streamed one, computed in the same cells and shapes, is the same."""
    wish["extra_body"] = {"cache_prompt": False} | wish.get("extra_body", {})
    whole = client.chat.completions.create(messages=QUESTION, **GREEDY, **wish).choices[0]
    assert whole.finish_reason == "stop"
    pieces = client.chat.completions.create(messages=QUESTION, stream=True, **GREEDY, **wish)
    streamed = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert whole.message.content == streamed
    return streamed


def test_a_class_is_answered(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(messages=QUESTION, response_format=Weather, **GREEDY)
    assert isinstance(answer.choices[0].message.parsed, Weather)


@pytest.mark.parametrize(
    "form",
    [
        {"type": "json_schema", "json_schema": {"name": "weather", "schema": SCHEMA}},
        {"type": "json_schema", "schema": SCHEMA},
        {"type": "json_object", "schema": SCHEMA},
    ],
    ids=["json_schema", "flat", "json_object"],
)
def test_a_schema_is_kept(client: openai.OpenAI, form: Any) -> None:
    jsonschema.validate(json.loads(ask(client, response_format=form)), SCHEMA)


def test_a_schema_is_kept_as_a_field_of_its_own(client: openai.OpenAI) -> None:
    text = ask(client, extra_body={"json_schema": SCHEMA})
    jsonschema.validate(json.loads(text), SCHEMA)


@pytest.mark.parametrize(
    "wish",
    [
        {"extra_body": {"regex": DATE}},
        {"response_format": {"type": "regex", "regex": DATE}},
        {"extra_body": {"lark": f"start: /{DATE}/"}},
        {"extra_body": {"grammar": 'root ::= d d d d "-" ("0" [1-9]) "-" [0-3] d\nd ::= [0-9]'}},
    ],
    ids=["regex", "response_format", "lark", "gbnf"],
)
def test_an_expression_and_a_grammar_are_kept(client: openai.OpenAI, wish: Any) -> None:
    assert re.fullmatch(DATE, ask(client, **wish))


def test_a_schema_that_cannot_be_kept_is_refused_at_its_place(client: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "number", "multipleOf": 0.1}}}
    form: Any = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    with pytest.raises(openai.BadRequestError, match=r"/properties/n.*multipleOf"):
        client.chat.completions.create(messages=QUESTION, response_format=form, **GREEDY)
