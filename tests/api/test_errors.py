"""Every way to be refused has one form."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.engine.task import ErrorKind
from server.engine.task import Failed
from tests.api.conftest import ServerMaker
from tests.api.replies import assert_error
from tests.api.scripted import ScriptedEngine

CHAT = "/v1/chat/completions"
INVALID = "invalid_request_error"


@pytest.mark.parametrize(
    "raw", [b'{"prompt": ', b"nonsense", b'{"prompt": "\xff"}', b"", b"[1]", b'"text"', b"null"]
)
def test_a_body_that_is_no_json_object_is_refused(client: FlaskClient, raw: bytes) -> None:
    assert_error(client.post("/completion", data=raw), 400, INVALID)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b'{"content": "a", "x": ' + b"[" * 127 + b"]" * 127 + b"}", 200),
        (b'{"content": "a", "x": ' + b"[" * 128 + b"]" * 128 + b"}", 400),
        (b'{"content": "a", "x": ' + b'{"y":' * 500 + b"1" + b"}" * 500 + b"}", 400),
        (b"[" * 1_000_000, 400),
        (b"[" * 500_000 + b"]" * 500_000, 400),
        (b'{"content": "' + b"[" * 5000 + b'"}', 200),
        (b'{"content": "a", "x": [' + b"[]," * 5000 + b"[]]}", 200),
    ],
    ids=["128 levels", "129 levels", "objects", "open", "closed", "in a text", "wide"],
)
def test_a_body_may_be_nested_128_levels_deep(client: FlaskClient, raw: bytes, status: int) -> None:
    begin = time.monotonic()
    reply = client.post("/tokenize", data=raw)
    assert time.monotonic() - begin < 1
    assert reply.status_code == status
    if status == 400:
        assert_error(reply, 400, INVALID)


def test_a_byte_order_mark_before_the_body_is_skipped(client: FlaskClient) -> None:
    reply = client.post("/tokenize", data=b'\xef\xbb\xbf{"content": "a"}')
    assert reply.json == {"tokens": [97]}


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/completion", {}, "prompt"),
        ("/completion", {"prompt": 5}, "prompt"),
        ("/completion", {"prompt": []}, "prompt"),
        ("/completion", {"prompt": [999]}, "999"),
        ("/completion", {"prompt": "a", "n_predict": "many"}, "n_predict"),
        ("/completion", {"prompt": "a", "stream": "yes"}, "stream"),
        ("/v1/completions", {}, "prompt"),
        ("/v1/completions", {"prompt": "a", "max_tokens": "many"}, "max_tokens"),
        (CHAT, {}, "messages"),
        (CHAT, {"messages": 5}, "messages"),
        (CHAT, {"messages": [{"role": "user"}]}, "content"),
        (CHAT, {"messages": [{"content": "hi"}]}, "role"),
        (CHAT, {"messages": [], "chat_template_kwargs": 1}, "chat_template_kwargs"),
        ("/apply-template", {}, "messages"),
        ("/tokenize", {"content": 5}, "content"),
        ("/tokenize", {"content": "a", "add_special": 1}, "add_special"),
        ("/detokenize", {"tokens": 5}, "tokens"),
        ("/detokenize", {"tokens": ["a"]}, "token"),
        ("/detokenize", {"tokens": [999]}, "999"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    client: FlaskClient, path: str, body: dict[str, object], named: str
) -> None:
    assert named in assert_error(client.post(path, json=body), 400, INVALID)


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_engine_refuses_at_once_has_its_status_even_for_a_stream(
    client: FlaskClient, stream: bool
) -> None:
    reply = client.post("/completion", json={"prompt": "a", "grammar": "bad", "stream": stream})
    assert "grammar" in assert_error(reply, 400, INVALID)


@pytest.mark.parametrize("path", ["/nothing", "/v1//models", "/health/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT", "PATCH"])
def test_an_unknown_route_is_not_found(client: FlaskClient, method: str, path: str) -> None:
    assert_error(client.open(path, method=method), 404, "not_found_error")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/completion", "POST"),
        ("POST", "/health", "GET, HEAD"),
        ("PUT", "/tokenize", "POST"),
    ],
)
def test_a_wrong_method_is_not_found_and_the_right_one_is_told(
    client: FlaskClient, method: str, path: str, allowed: str
) -> None:
    reply = client.open(path, method=method)
    assert_error(reply, 404, "not_found_error")
    assert reply.headers["Allow"] == allowed


def test_a_body_over_the_limit_is_refused(serve: ServerMaker) -> None:
    client = serve(max_body_mib="1").client
    reply = client.post("/completion", json={"prompt": "x" * (1 << 20)})
    assert "--max-body-mib" in assert_error(reply, 413, INVALID)


def test_actions_on_props_need_an_option(serve: ServerMaker) -> None:
    assert_error(serve().client.post("/props", json={}), 501, "not_supported_error")


@pytest.mark.parametrize(
    ("kind", "status", "type_"),
    [
        (ErrorKind.INVALID_REQUEST, 400, INVALID),
        (ErrorKind.EXCEED_CONTEXT_SIZE, 400, "exceed_context_size_error"),
        (ErrorKind.NOT_SUPPORTED, 501, "not_supported_error"),
        (ErrorKind.UNAVAILABLE, 503, "unavailable_error"),
        (ErrorKind.SERVER, 500, "server_error"),
    ],
)
def test_every_failure_of_the_engine_has_a_status(
    scripted: Callable[..., tuple[ScriptedEngine, Flask]], kind: ErrorKind, status: int, type_: str
) -> None:
    engine, app = scripted()
    with engine.answering(lambda task: [Failed(task.id, kind, "why", 3, 2)]):
        reply = app.test_client().post("/completion", json={"prompt": "a"})
    assert assert_error(reply, status, type_) == "why"


def test_an_unexpected_error_is_told_to_the_log_and_not_to_the_client(
    scripted: Callable[..., tuple[ScriptedEngine, Flask]], caplog: pytest.LogCaptureFixture
) -> None:
    engine, app = scripted()
    engine.show(tokenizer=object())
    with caplog.at_level(logging.ERROR):
        reply = app.test_client().post("/tokenize", json={"content": "a"})
    message = assert_error(reply, 500, "server_error")
    assert "attribute" not in message
    assert "AttributeError" in caplog.text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"action": "reasoning_end"}, "missing completion id"),
        ({"id": "", "action": "reasoning_end"}, "missing completion id"),
        ({"id": "x", "action": "stop"}, "unknown control action"),
    ],
)
def test_a_control_without_id_or_action_is_refused(
    client: FlaskClient, body: dict[str, str], message: str
) -> None:
    reply = client.post(f"{CHAT}/control", json=body)
    assert message in assert_error(reply, 400, INVALID)


def test_a_control_of_an_unknown_completion_does_nothing(client: FlaskClient) -> None:
    reply = client.post(f"{CHAT}/control", json={"id": "x", "action": "reasoning_end"})
    assert reply.status_code == 200
    assert reply.json == {"success": False, "message": "no active completion for this id"}
