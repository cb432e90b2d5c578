"""A plain HTTP client for tests: whole replies, server-sent events, and sockets that can be cut.

It speaks through the standard library only, so that nothing between the test and the wire retries,
reconnects or hides a header. It knows no dialect: bodies are JSON or bytes.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 60.0

Json = Any


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole HTTP answer."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Json:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


def request(
    url: str,
    path: str,
    body: Json = None,
    *,
    method: str | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Reply:
    """One request on a connection of its own; bytes go as they are, everything else as JSON."""
    connection = _connection(url, timeout_s)
    try:
        _send(connection, path, body, method, headers)
        response = connection.getresponse()
        return Reply(response.status, _lower(response), response.read())
    finally:
        connection.close()


@dataclass(slots=True)
class EventStream:
    """An SSE answer that is being read."""

    status: int
    headers: Mapping[str, str]
    response: http.client.HTTPResponse

    def lines(self) -> Iterator[str]:
        """Every line that is not empty, comments included."""
        for line in self.response:
            text = line.decode().rstrip("\r\n")
            if text:
                yield text

    def data(self) -> Iterator[str]:
        """The payload of every `data:` line."""
        for line in self.lines():
            if line.startswith("data: "):
                yield line[len("data: ") :]

    def events(self) -> Iterator[Json]:
        """Every payload as JSON, up to and without `[DONE]`."""
        for payload in self.data():
            if payload == "[DONE]":
                return
            yield json.loads(payload)


@contextmanager
def stream(
    url: str,
    path: str,
    body: Json,
    *,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Iterator[EventStream]:
    """Open a streamed answer; leaving the block closes the connection, finished or not."""
    connection = _connection(url, timeout_s)
    try:
        _send(connection, path, body, None, headers)
        response = connection.getresponse()
        yield EventStream(response.status, _lower(response), response)
        response.close()
    finally:
        connection.close()


def open_socket(
    url: str,
    path: str,
    body: Json,
    timeout_s: float = TIMEOUT_S,
    headers: Mapping[str, str] | None = None,
) -> socket.socket:
    """Send a POST and return the socket, with nothing of the answer read yet."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    client = socket.create_connection((parts.hostname, parts.port or 80), timeout=timeout_s)
    payload = json.dumps(body).encode()
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(payload)}\r\n{lines}\r\n"
    )
    client.sendall(head.encode() + payload)
    return client


def read_until(client: socket.socket, wanted: bytes, limit: int = 1 << 20) -> bytes:
    """Read from a socket until `wanted` has come; ConnectionError where the peer closes first."""
    received = bytearray()
    while wanted not in received:
        piece = client.recv(4096)
        if not piece or len(received) > limit:
            raise ConnectionError(f"{wanted!r} never came, but {bytes(received[-500:])!r}")
        received += piece
    return bytes(received)


def _connection(url: str, timeout_s: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    assert parts.hostname is not None
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)


def _send(
    connection: http.client.HTTPConnection,
    path: str,
    body: Json,
    method: str | None,
    headers: Mapping[str, str] | None,
) -> None:
    payload = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    default = {} if payload is None else {"Content-Type": "application/json"}
    verb = method or ("GET" if payload is None else "POST")
    connection.request(verb, path, body=payload, headers={**default, **(headers or {})})


def _lower(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
