"""`--timeout`: how long a client may let one read or write wait."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e import live
from tests.e2e.conftest import ONE_THREAD
from tests.e2e.live import LiveServer

pytestmark = pytest.mark.model

SMALL_BUFFER = 4096
ENDLESS = {"prompt": "Once", "n_predict": -1, "ignore_eos": True, "stream": True, "n_probs": 20}


@pytest.fixture(scope="module")
def hasty(tiny_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that waits one second for anything."""
    log_path = tmp_path_factory.mktemp("hasty") / "log"
    server = live.start(["-m", tiny_path, *ONE_THREAD, "-c", "65536", "--timeout", "1"], log_path)
    yield server
    assert server.stop() == 0


def connect(server: LiveServer) -> socket.socket:
    parts = urlsplit(server.url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    client.settimeout(20)
    client.connect((parts.hostname, parts.port))
    return client


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /health HTT",
        b"POST /completion HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{",
    ],
    ids=["nothing", "half a line", "half a body"],
)
def test_a_client_that_says_no_more_is_left(hasty: LiveServer, sent: bytes) -> None:
    begin = time.monotonic()
    with connect(hasty) as client:
        client.sendall(sent)
        received = b""
        while piece := client.recv(4096):
            received += piece
    assert 0.8 < time.monotonic() - begin < 5
    assert b" 200 " not in received
    assert "Traceback" not in hasty.log


def test_a_client_that_does_not_read_its_stream_is_left(hasty: LiveServer) -> None:
    body = json.dumps(ENDLESS).encode()
    head = f"POST /completion HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    with connect(hasty) as client:
        client.sendall(head.encode() + body)
        hasty.wait_busy()
        # nobody reads: the buffers fill, and then a write waits for too long
        hasty.wait_idle(timeout_s=30)
    assert "Traceback" not in hasty.log
