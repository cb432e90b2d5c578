"""Reading answers: server-sent events, and the one shape of errors."""

from __future__ import annotations

from typing import Any

import orjson
from werkzeug.test import TestResponse

JSON_TYPE = "application/json; charset=utf-8"


def parts(raw: bytes) -> list[bytes]:
    """The blocks of an event stream, which must end with an empty line."""
    assert raw.endswith(b"\n\n"), raw[-100:]
    return raw[:-2].split(b"\n\n")


def events(reply: TestResponse) -> list[Any]:
    """The JSON payloads of a stream that ended; comments are left out, [DONE] is the text."""
    assert reply.status_code == 200, reply.text
    assert reply.content_type == "text/event-stream"
    payloads = [part[6:] for part in parts(reply.data) if part != b":"]
    return ["[DONE]" if payload == b"[DONE]" else orjson.loads(payload) for payload in payloads]


def assert_error_body(body: Any, status: int, kind: str) -> str:
    """Check the shape of an error object; its message."""
    assert set(body) == {"error"}
    error = body["error"]
    extra = {"n_prompt_tokens", "n_ctx"} if kind == "exceed_context_size_error" else set()
    assert set(error) == {"code", "message", "type"} | extra
    assert (error["code"], error["type"]) == (status, kind), error
    assert isinstance(error["message"], str) and error["message"]
    message: str = error["message"]
    return message


def assert_error(reply: TestResponse, status: int, kind: str) -> str:
    """Check an error answer; its message."""
    assert reply.status_code == status, reply.text
    assert reply.content_type == JSON_TYPE
    return assert_error_body(reply.json, status, kind)
