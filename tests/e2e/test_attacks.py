"""What hostile clients send to a running server: each is refused, and others are served meanwhile.

Bodies (sizes, nesting, broken chunks) are in test_bodies.py, file names in test_slot_files.py,
grammars and templates in their own rooms.
"""

from __future__ import annotations

import contextlib
import socket
import time

import pytest

from tests.e2e import wire
from tests.e2e.live import LiveServer

pytestmark = pytest.mark.model

OTHERS_S = 1.0
"""What another client may wait at the most while an attack goes on."""

N_SLOW = 100


def raw(server: LiveServer, data: bytes, limit: int = 1 << 16) -> bytes:
    """Send bytes as they are; everything that comes until the server closes or is silent."""
    with connected(server) as client:
        client.sendall(data)
        received = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while len(received) < limit and (piece := client.recv(4096)):
                received += piece
                if b"}" in piece:
                    break
        return received


def connected(server: LiveServer) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def assert_others_are_served(server: LiveServer) -> None:
    begin = time.monotonic()
    assert server.get("/health").status == 200
    assert time.monotonic() - begin < OTHERS_S


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 200 + b"\r\n", b"431"),
        (b"GET /health\0x HTTP/1.1\r\nHost: x\r\n\r\n", b"40"),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n", b"400"),
        (b"GET /%00%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"POST /completion HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
         b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"POST /completion HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
    ],
)  # fmt: skip
def test_a_malformed_head_is_refused(tiny: LiveServer, head: bytes, status: bytes) -> None:
    assert raw(tiny, head).startswith(b"HTTP/1.1 " + status)
    assert_others_are_served(tiny)


@pytest.mark.parametrize("name", ["Origin", "X-Conversation-Id", "X-Request-Id"])
def test_a_header_can_not_split_the_answer(tiny: LiveServer, name: str) -> None:
    head = f"GET /health HTTP/1.1\r\nHost: x\r\n{name}: a\rSet-Cookie: b=c\r\n\r\n"
    answer, _, _ = raw(tiny, head.encode()).partition(b"\r\n\r\n")
    assert not any(line.lower().startswith(b"set-cookie") for line in answer.splitlines())
    assert_others_are_served(tiny)


def test_slow_requests_hold_up_nobody(tiny: LiveServer) -> None:
    with contextlib.ExitStack() as clients:
        for i in range(N_SLOW):
            client = clients.enter_context(connected(tiny))
            client.sendall(b"POST /completion HTTP/1.1\r\nHost: x\r\nContent-Le"[: 20 + i % 30])
        assert_others_are_served(tiny)
        reply = tiny.post("/completion", {"prompt": "Once", "n_predict": 2})
        assert reply.status == 200


@pytest.mark.parametrize(
    "text", ["\0", "\ud800", "\u202e\ufeff", "\U0010ffff", "a\r\nSet-Cookie: b"]
)
def test_any_text_may_be_anywhere(tiny: LiveServer, text: str) -> None:
    body = {"prompt": f"Once{text}", "n_predict": 1, "cache_salt": text, "stop": [text + "x"]}
    assert tiny.post("/completion", body).status in (200, 400)
    assert tiny.post("/completion", {text: text, "prompt": "Once", "n_predict": 1}).status in (
        200,
        400,
    )
    assert_others_are_served(tiny)
    assert wire.request(tiny.url, "/health", headers={"Origin": "https://a.example"}).status == 200
