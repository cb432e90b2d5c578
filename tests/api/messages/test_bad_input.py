"""What `/v1/messages` refuses, what it says of faults, and the form of both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.engine.task import ErrorKind
from server.engine.task import Failed
from server.schema import bodies
from server.schema.field import Field
from tests.api.anthropic_events import assert_error_payload
from tests.api.anthropic_events import assert_refused
from tests.api.anthropic_events import named_events
from tests.api.conftest import ServerMaker
from tests.api.messages.asking import HI
from tests.api.messages.asking import INVALID
from tests.api.messages.asking import PATH
from tests.api.messages.asking import WEATHER
from tests.api.scripted import ScriptedEngine
from tests.api.scripted import token


def user(*blocks: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": [*blocks]}]}


def assistant(*blocks: object) -> dict[str, object]:
    return {"messages": [*HI, {"role": "assistant", "content": [*blocks]}]}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"tool_choice": {"type": "tool", "name": "web_search"}}, "no tools"),
    ({"messages": None}, "messages"),
    ({"messages": "hi"}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": ["hi"]}, "messages[0]"),
    ({"messages": [{"role": "user"}]}, "messages[0]"),
    ({"messages": [{"role": "tool", "content": ""}]}, "messages[0].role"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    (user("a"), "messages[0].content[0]"),
    (user({"text": "a"}), "messages[0].content[0]"),
    (user({"type": "text"}), "messages[0].content[0].text"),
    (user({"type": "text", "text": 5}), "messages[0].content[0].text"),
    (user({"type": "video"}), "messages[0].content[0]"),
    (user({"type": "image"}), "messages[0].content[0].source"),
    (user({"type": "image", "source": {"type": "file"}}), "messages[0].content[0].source"),
    (user({"type": "image", "source": {"type": "base64"}}), "source.data"),
    (user({"type": "document", "source": {"type": "base64"}}), "messages[0].content[0].source"),
    (user({"type": "tool_result"}), "messages[0].content[0].tool_use_id"),
    (
        user({"type": "tool_result", "tool_use_id": "1", "content": 5}),
        "messages[0].content[0].content",
    ),
    (
        user({"type": "tool_result", "tool_use_id": "1", "content": ["a"]}),
        "messages[0].content[0].content[0]",
    ),
    (assistant({"type": "tool_use", "id": "1"}), "messages[1].content[0].name"),
    (assistant({"type": "tool_use", "name": "f"}), "messages[1].content[0].id"),
    (
        assistant({"type": "tool_use", "id": "1", "name": "f", "input": "x"}),
        "messages[1].content[0].input",
    ),
    (assistant({"type": "thinking"}), "messages[1].content[0].thinking"),
    ({"system": 5}, "system"),
    ({"system": [{"type": "image"}]}, "system[0]"),
    ({"max_tokens": "many"}, "max_tokens"),
    ({"max_tokens": -1}, "max_tokens"),
    ({"stop_sequences": "a"}, "stop_sequences"),
    ({"stop_sequences": [5]}, "stop_sequences[0]"),
    ({"temperature": "hot"}, "temperature"),
    ({"top_k": "many"}, "top_k"),
    ({"top_p": []}, "top_p"),
    ({"stream": "yes"}, "stream"),
    ({"metadata": 5}, "metadata"),
    ({"metadata": {"user_id": 5}}, "metadata.user_id"),
    ({"tools": 5}, "tools"),
    ({"tools": [{}]}, "tools[0]"),
    ({"tools": [{"name": ""}]}, "tools[0].name"),
    ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
    ({"tools": [{"name": "f", "input_schema": 5}]}, "tools[0].input_schema"),
    ({"tools": [WEATHER | {"description": 5}]}, "tools[0].description"),
    ({"tool_choice": "auto"}, "tool_choice"),
    ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
    ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
    ({"tool_choice": {"type": "any"}}, "tool_choice"),
    ({"tool_choice": {"type": "tool", "name": "g"}, "tools": [WEATHER]}, "'g'"),
    (
        {"tool_choice": {"type": "auto", "disable_parallel_tool_use": 1}},
        "tool_choice.disable_parallel_tool_use",
    ),
    ({"thinking": "on"}, "thinking"),
    ({"thinking": {"type": "some"}}, "thinking.type"),
    ({"thinking": {"type": "enabled", "budget_tokens": 0}}, "thinking.budget_tokens"),
    ({"thinking": {"type": "enabled", "budget_tokens": "x"}}, "thinking.budget_tokens"),
    ({"thinking": {"type": "adaptive", "display": "x"}}, "thinking.display"),
    ({"output_config": 5}, "output_config"),
    ({"output_config": {"effort": "some"}}, "output_config.effort"),
    ({"output_config": {"format": {"type": "text"}}}, "output_config.format"),
    (
        {
            "output_config": {
                "format": {"type": "json_schema", "schema": {"type": "object", "not": 1}}
            }
        },
        "output_config.format.schema",
    ),
    ({"output_format": {"type": "json_schema"}}, "output_format"),
    ({"chat_template_kwargs": 5}, "chat_template_kwargs"),
    (
        {
            "tools": [
                {"type": "web_search_20250305", "name": "web_search"},
                {"name": "f", "input_schema": {"properties": {"x": {"type": "zz"}}}},
            ],
            "tool_choice": {"type": "any"},
        },
        "/tools/1/input_schema",
    ),
]


@pytest.mark.parametrize(("fields", "named"), WRONG)
def test_a_field_that_is_wrong_is_named(
    client: FlaskClient, fields: dict[str, object], named: str
) -> None:
    body = {"messages": HI, "max_tokens": 1, **fields}
    assert named in assert_refused(client.post(PATH, json=body), 400, INVALID)


LENIENT = {"logit_bias"}
"""What llama-server takes whatever it is; so do we."""


@pytest.mark.parametrize("row", bodies.MESSAGES.completion, ids=lambda row: row.name)
def test_a_field_of_a_completion_is_refused_in_the_same_form(
    client: FlaskClient, row: Field
) -> None:
    reply = client.post(PATH, json={"messages": HI, "max_tokens": 1, row.name: [{"x": 1}]})
    if row.name in LENIENT:
        assert reply.status_code == 200
    else:
        assert row.name in assert_refused(reply, 400, INVALID)


def test_every_field_of_the_dialect_is_sent_wrong_once() -> None:
    own = {row.name for row in bodies.MESSAGES.rows if row.form != {}}
    assert own <= {name for fields, _ in WRONG for name in fields}


@pytest.mark.parametrize("inner", [False, True])
def test_images_are_refused_by_the_place_that_they_were_sent_at(
    client: FlaskClient, inner: bool
) -> None:
    image = {"type": "image", "source": {"type": "url", "url": "http://host/a.png"}}
    block = {"type": "tool_result", "tool_use_id": "1", "content": [image]} if inner else image
    body = user(block) | {"system": "Be brief.", "max_tokens": 1}
    said = assert_refused(client.post(PATH, json=body), 400, INVALID)
    assert said.startswith("messages[0]: image input is not supported")


@pytest.mark.parametrize("path", [PATH, f"{PATH}/count_tokens"])
@pytest.mark.parametrize("raw", [b'{"messages": ', b"", b"[1]"])
def test_a_body_that_is_no_json_object_is_refused(
    client: FlaskClient, path: str, raw: bytes
) -> None:
    assert_refused(client.post(path, data=raw), 400, INVALID)


def test_keys_routes_methods_and_sizes_are_refused_in_the_same_form(serve: ServerMaker) -> None:
    client = serve(api_key="secret", max_body_mib="1").client
    assert_refused(client.post(PATH, json={}), 401, "authentication_error")
    key = {"x-api-key": "secret"}
    for method, path in (("GET", PATH), ("POST", f"{PATH}/batches"), ("GET", f"{PATH}/a/b")):
        reply = client.open(path, method=method, headers=key)
        assert_refused(reply, 404, "not_found_error")
    reply = client.post(PATH, data=b" " * (2 << 20), headers=key)
    assert "--max-body-mib" in assert_refused(reply, 413, "request_too_large")
    body = {"messages": HI, "max_tokens": 1}
    assert client.post(PATH, json=body, headers=key).status_code == 200
    assert client.post("/v1/messagesx", headers=key).json.keys() == {"error"}


def test_too_many_requests_are_refused_in_anthropics_words(
    serve: ServerMaker, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text("mine requests_per_min=1")
    client = serve(api_key_file=str(keys)).client
    body = {"messages": HI, "max_tokens": 1}
    first, second = (client.post(PATH, json=body, headers={"x-api-key": "mine"}) for _ in "12")
    assert first.status_code == 200
    assert_refused(second, 429, "rate_limit_error")
    full = serve(queue_max="0", parallel="1")
    service = full.app.extensions["llamactl"]
    service.admission.enter(service.keys.everybody)
    assert_refused(full.client.post(PATH, json=body), 429, "overloaded_error")


def test_the_form_holds_below_a_prefix_too(serve: ServerMaker) -> None:
    client = serve(api_prefix="/llm").client
    assert_refused(client.post(f"/llm{PATH}", json={}), 400, INVALID)
    assert client.post("/llm/completion", json={}).json.keys() == {"error"}


def test_a_prompt_that_is_too_long_says_so_in_words_that_agents_know(client: FlaskClient) -> None:
    body = {"messages": [{"role": "user", "content": "a" * 100}]}
    said = assert_refused(client.post(PATH, json=body), 400, INVALID)
    assert said.startswith("prompt is too long: ") and "> 64 maximum" in said


@pytest.mark.parametrize(
    ("kind", "status", "named"),
    [
        (ErrorKind.SERVER, 500, "api_error"),
        (ErrorKind.UNAVAILABLE, 503, "overloaded_error"),
        (ErrorKind.INVALID_REQUEST, 400, INVALID),
    ],
)
def test_faults_of_the_engine_are_answers_or_events(
    scripted: Callable[..., tuple[ScriptedEngine, Flask]], kind: ErrorKind, status: int, named: str
) -> None:
    engine, app = scripted()
    body = {"messages": HI, "max_tokens": 4}
    with engine.answering(lambda task: [Failed(task.id, kind, "out of luck")]):
        reply = app.test_client().post(PATH, json=body)
    assert assert_refused(reply, status, named) == "out of luck"
    answer = [lambda task: token(task, "a"), lambda task: Failed(task.id, kind, "out of luck")]
    with engine.answering(lambda task: [make(task) for make in answer]):
        reply = app.test_client().post(PATH, json=body | {"stream": True})
        events = named_events(reply.data)
    assert events[0][0] == "message_start"
    name, payload = events[-1]
    assert name == "error"
    assert assert_error_payload(payload, named) == "out of luck"
    assert payload["request_id"] == reply.headers["request-id"]
