"""Anthropic's official client on answers that a test has at hand, and its form of errors."""

from __future__ import annotations

from typing import Any

import httpx2
import orjson
from werkzeug.test import TestResponse

from tests.api.replies import JSON_TYPE
from tests.api.replies import parts

ASK: Any = {"model": "any", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}]}


def named_events(raw: bytes) -> list[tuple[str, Any]]:
    """(name, payload) of the events of a stream; comments are left out."""
    found = []
    for part in parts(raw):
        if part.startswith(b":"):
            continue
        name, data = part.split(b"\n")
        assert name.startswith(b"event: ") and data.startswith(b"data: ")
        found.append((name[7:].decode(), orjson.loads(data[6:])))
    return found


def added_up(raw: bytes) -> dict[str, Any]:
    """The message that the official client makes of a stream."""
    import anthropic  # two seconds, which no other process of tests shall pay

    def answer(request: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, content=raw)

    transport = httpx2.MockTransport(answer)
    with (
        httpx2.Client(transport=transport) as http,
        anthropic.Anthropic(
            base_url="http://host", api_key="none", http_client=http, max_retries=0
        ) as client,
        client.messages.stream(**ASK) as stream,
    ):
        return stream.get_final_message().to_dict()


def assert_error_payload(body: Any, kind: str) -> str:
    """Check an error in Anthropic's form; its message."""
    assert set(body) == {"type", "error", "request_id"}
    assert body["type"] == "error"
    assert set(body["error"]) == {"type", "message"}
    assert body["error"]["type"] == kind, body
    assert body["request_id"].startswith("req_")
    message: str = body["error"]["message"]
    assert message
    return message


def assert_refused(reply: TestResponse, status: int, kind: str) -> str:
    """Check an error answer; its message."""
    assert reply.status_code == status, reply.text
    assert reply.content_type == JSON_TYPE
    message = assert_error_payload(reply.json, kind)
    assert reply.headers["request-id"] == reply.json["request_id"]
    return message
