"""Every recorded request: parsed, echoed or refused as llama-server does it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.schema import RequestDefaults
from server.schema import SchemaError
from server.schema import default_generation_settings
from server.schema import generation_settings
from server.schema import openai_chat_body
from server.schema import parse_prompts
from tests.schema.conftest import Parse
from tests.schema.vectors import RecordedTokenizer
from tests.schema.vectors import load

SETTINGS = load("settings")
Vector = dict[str, Any]
CHAT = load("chat")


def name(vector: Vector) -> str:
    body = {k: v for k, v in vector["body"].items() if k not in ("prompt", "messages", "verbose")}
    return json.dumps(body)


def test_the_settings_have_the_same_keys_in_the_same_order(parse: Parse) -> None:
    settings = generation_settings(parse({"n_predict": 1}))
    assert [*settings.items()] == [*SETTINGS["full"].items()]


def test_the_short_settings_have_the_same_keys_in_the_same_order() -> None:
    settings = default_generation_settings(RequestDefaults(n_predict=7))
    assert [*settings.items()] == [*SETTINGS["only_metrics"].items()]


@pytest.mark.parametrize("vector", load("accepted"), ids=name)
def test_an_accepted_request_is_echoed_the_same(vector: Vector, parse: Parse) -> None:
    assert generation_settings(parse(vector["body"])) == SETTINGS["full"] | vector["differs"]


@pytest.mark.parametrize("vector", load("refused"), ids=name)
def test_a_refused_request_is_refused_for_the_same_field(vector: Vector, parse: Parse) -> None:
    with pytest.raises(SchemaError) as caught:
        parse(vector["body"])
    assert (caught.value.status, caught.value.type) == (vector["status"], vector["type"])
    field = vector["message"].partition(":")[0]
    assert str(caught.value).startswith(field.replace("include_", "stream_options.include_"))


@pytest.mark.parametrize("vector", load("prompts"), ids=lambda v: json.dumps(v["prompt"]))
def test_a_prompt_is_read_the_same(vector: Vector, tokenizer: RecordedTokenizer) -> None:
    if "n" in vector:
        prompts = parse_prompts(vector["prompt"], tokenizer)
        assert [len(tokens) for tokens in prompts] == vector["n"]
        return
    with pytest.raises(SchemaError) as caught:
        parse_prompts(vector["prompt"], tokenizer)
    if not vector["message"].startswith("[json.exception"):
        assert str(caught.value).startswith(vector["message"])


@pytest.mark.parametrize("vector", [v for v in CHAT if "differs" in v], ids=name)
def test_an_accepted_chat_is_echoed_the_same(vector: Vector, parse: Parse) -> None:
    native = openai_chat_body(vector["body"])
    native["generation_prompt"] = vector["differs"]["generation_prompt"]
    assert generation_settings(parse(native)) == SETTINGS["full"] | vector["differs"]


@pytest.mark.parametrize("vector", [v for v in CHAT if "status" in v], ids=name)
def test_a_refused_chat_is_refused_with_400(vector: Vector) -> None:
    with pytest.raises(SchemaError) as caught:
        openai_chat_body(vector["body"])
    assert caught.value.field in vector["body"]
