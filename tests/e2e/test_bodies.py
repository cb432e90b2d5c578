"""Bodies and connections as clients really send them, byte by byte, to a real server."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import pytest

from tests.api.replies import assert_error_body
from tests.e2e import wire
from tests.e2e.live import LiveServer

pytestmark = pytest.mark.model

TIMEOUT_S = 20.0
MIB = 1 << 20

BODY = json.dumps({"prompt": "Once", "n_predict": 2}).encode()
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
INVALID = "invalid_request_error"


class Connection:
    """One connection: send anything, read answers one after the other."""

    def __init__(self, client: socket.socket, file: BinaryIO) -> None:
        self._socket = client
        self._file = file

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self) -> wire.Reply:
        """The next answer, whole."""
        status = int(self._file.readline().split()[1])
        headers = dict(self._headers())
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join(self._chunks())
        elif "content-length" in headers:
            body = self._file.read(int(headers["content-length"]))
        else:
            body = self._file.read() if status >= 200 else b""
        return wire.Reply(status, headers, body)

    def is_closed(self) -> bool:
        """Wait for the peer's end of the connection; what came before it fails the test."""
        return self._file.read() == b""

    def _headers(self) -> Iterator[tuple[str, str]]:
        while (line := self._file.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            yield name.lower(), value.strip()

    def _chunks(self) -> Iterator[bytes]:
        while (size := int(self._file.readline(), 16)) > 0:
            yield self._file.read(size)
            self._file.readline()
        self._file.readline()


@contextmanager
def connected(server: LiveServer) -> Iterator[Connection]:
    parts = urlsplit(server.url)
    address = (parts.hostname, parts.port)
    with (
        socket.create_connection(address, timeout=TIMEOUT_S) as client,
        client.makefile("rb") as file,
    ):
        yield Connection(client, file)


def post(body: bytes, *headers: str, version: str = "1.1", path: str = "/completion") -> bytes:
    """A request with the length of its body, unless a header says otherwise."""
    given = ["Host: x", *headers]
    if not any(line.lower().startswith(("transfer-", "content-length")) for line in headers):
        given.append(f"Content-Length: {len(body)}")
    head = "".join(f"{line}\r\n" for line in given)
    return f"POST {path} HTTP/{version}\r\n{head}\r\n".encode() + body


def chunked(*parts: bytes) -> bytes:
    """The parts as HTTP/1.1 chunks."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


CHUNKED = ("Transfer-Encoding: chunked",)


@pytest.mark.parametrize("size", [1, 7, len(BODY)])
def test_a_body_in_chunks_is_read(tiny: LiveServer, size: int) -> None:
    parts = [BODY[i : i + size] for i in range(0, len(BODY), size)]
    with connected(tiny) as connection:
        connection.send(post(chunked(*parts), *CHUNKED))
        assert connection.answer().json["tokens_predicted"] == 2


def test_chunks_may_have_extensions_and_trailers(tiny: LiveServer) -> None:
    body = b"%x;name=value\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(BODY), BODY)
    with connected(tiny) as connection:
        connection.send(post(body, *CHUNKED))
        assert connection.answer().status == 200
        connection.send(HEALTH)
        assert connection.answer().json == {"status": "ok"}


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense\r\n" + BODY,
        b"-5\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"%x\r\n%sXX" % (len(BODY), BODY),
        b"\r\n\r\n",
    ],
    ids=["no size", "negative size", "no end of line", "nothing"],
)
def test_chunks_that_are_none_are_the_clients_fault(tiny: LiveServer, body: bytes) -> None:
    with connected(tiny) as connection:
        connection.send(post(body, *CHUNKED))
        reply = connection.answer()
        assert_error_body(reply.json, 400, INVALID)
        assert reply.status == 400
        assert connection.is_closed()
    assert "Traceback" not in tiny.log


def test_a_body_over_the_limit_is_refused_with_the_limit_and_the_remedy(tiny: LiveServer) -> None:
    with connected(tiny) as connection:
        connection.send(post(b"", f"Content-Length: {2 * MIB}"))
        reply = connection.answer()
    message = assert_error_body(reply.json, 413, INVALID)
    assert "1 MiB" in message
    assert "--max-body-mib" in message


def test_chunks_over_the_limit_are_refused(tiny: LiveServer) -> None:
    body = chunked(*[b" " * 65536] * 20, BODY)
    with connected(tiny) as connection:
        connection.send(post(body, *CHUNKED))
        assert_error_body(connection.answer().json, 413, INVALID)


def test_a_body_of_just_the_limit_is_read(tiny: LiveServer) -> None:
    with connected(tiny) as connection:
        connection.send(post(BODY + b" " * (MIB - len(BODY))))
        assert connection.answer().json["tokens_predicted"] == 2


def test_a_client_that_asks_whether_to_go_on_is_told_to(tiny: LiveServer) -> None:
    head = post(b"", "Expect: 100-continue", f"Content-Length: {len(BODY)}")
    with connected(tiny) as connection:
        connection.send(head)
        assert connection.answer().status == 100
        connection.send(BODY)
        assert connection.answer().json["tokens_predicted"] == 2


def test_curl_sends_a_big_body(tiny: LiveServer, tmp_path: Path) -> None:
    path = tmp_path / "body.json"
    path.write_bytes(BODY + b" " * (MIB - len(BODY)))
    url = f"{tiny.url}/completion"
    words = ["curl", "-sS", "-H", "Expect: 100-continue", "--data-binary", f"@{path}", url]
    result = subprocess.run(words, capture_output=True, timeout=TIMEOUT_S, check=True)
    assert json.loads(result.stdout)["tokens_predicted"] == 2


def test_a_stream_to_http_1_0_ends_with_the_connection_and_has_no_chunks(
    tiny: LiveServer,
) -> None:
    body = json.dumps({"prompt": "Once", "n_predict": 3, "stream": True}).encode()
    with connected(tiny) as connection:
        connection.send(post(body, version="1.0"))
        reply = connection.answer()
    assert "transfer-encoding" not in reply.headers
    events = [json.loads(text) for text in re.findall(rb"data: (\{.*\})\n\n", reply.body)]
    assert [event["stop"] for event in events] == [False, False, False, True]


def test_a_whole_answer_to_http_1_0_has_a_length(tiny: LiveServer) -> None:
    with connected(tiny) as connection:
        connection.send(post(BODY, version="1.0"))
        reply = connection.answer()
        assert reply.json["tokens_predicted"] == 2
        assert int(reply.headers["content-length"]) == len(reply.body)
        assert connection.is_closed()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (post(b"{"), 400),
        (post(b'{"prompt": 5}'), 400),
        (post(BODY, path="/nothing"), 404),
        (post(b'{"prompt": "Once", "n_predict": "x", "stream": true}'), 400),
    ],
    ids=["no JSON", "wrong field", "no route", "wrong stream"],
)
def test_a_connection_lives_on_after_an_error(
    tiny: LiveServer, request_bytes: bytes, status: int
) -> None:
    with connected(tiny) as connection:
        connection.send(request_bytes)
        assert connection.answer().status == status
        connection.send(post(BODY))
        assert connection.answer().json["tokens_predicted"] == 2


def test_pipelined_requests_are_answered_in_order(tiny: LiveServer) -> None:
    bodies = [json.dumps({"prompt": "Once", "n_predict": n}).encode() for n in (1, 2, 3)]
    with connected(tiny) as connection:
        connection.send(b"".join(post(body) for body in bodies) + HEALTH)
        counts = [connection.answer().json["tokens_predicted"] for _ in bodies]
        assert counts == [1, 2, 3]
        assert connection.answer().json == {"status": "ok"}


def test_a_request_that_comes_behind_a_stream_waits_for_its_end(tiny: LiveServer) -> None:
    body = json.dumps({"prompt": "Once", "n_predict": 4, "stream": True}).encode()
    with connected(tiny) as connection:
        connection.send(post(body) + HEALTH)
        assert connection.answer().body.count(b"data: ") == 5
        assert connection.answer().json == {"status": "ok"}


@pytest.mark.parametrize("headers", [(), CHUNKED], ids=["counted", "in chunks"])
def test_a_client_that_vanishes_in_the_middle_of_its_body_leaves_nothing(
    tiny: LiveServer, headers: tuple[str, ...]
) -> None:
    before = len(tiny.log)
    for _ in range(5):
        with connected(tiny) as connection:
            whole = post(chunked(BODY) if headers else BODY, *headers)
            connection.send(whole[: len(whole) - 20])
    assert tiny.get("/health").status == 200
    tiny.wait_idle()
    assert "Traceback" not in tiny.log[before:]
