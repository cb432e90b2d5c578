"""What ends a server, and what its clients see of it.

How an idle server ends, and a worker that crashes between requests are in
tests/cli/test_process.py; how soon Ctrl-C ends what runs is in timed/.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.e2e import wire
from tests.e2e.conftest import Starter
from tests.e2e.live import LiveServer
from tests.e2e.processes import descendants
from tests.e2e.processes import resident_mib
from tests.e2e.processes import wait_until

pytestmark = pytest.mark.model

ENDLESS = {"prompt": "Once", "n_predict": -1, "ignore_eos": True, "stream": True}
MESSAGES = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def server(start: Starter, tiny_path: Path) -> LiveServer:
    """A server of one slot, for one test."""
    return start("-m", tiny_path, "-np", "1", "-t", "1", "-c", "65536", "-b", "64", "-ub", "64")


def test_sigterm_lets_a_stream_finish(server: LiveServer) -> None:
    body = ENDLESS | {"n_predict": 3000}
    with wire.stream(server.url, "/completion", body) as stream:
        events = stream.events()
        first = next(events)
        server.signal(signal.SIGTERM)
        *_, last = events
    assert first["stop"] is False
    assert (last["stop"], last["stop_type"], last["tokens_predicted"]) == (True, "limit", 3000)
    assert server.wait_exit() == 0
    assert "Traceback" not in server.log


def test_sigterm_lets_a_whole_answer_finish(server: LiveServer) -> None:
    body = ENDLESS | {"n_predict": 3000, "stream": False}
    with wire.open_socket(server.url, "/completion", body) as client:
        server.wait_busy()
        server.signal(signal.SIGTERM)
        received = wire.read_until(client, b"}}")
    assert received.startswith(b"HTTP/1.1 200 ")
    assert server.wait_exit() == 0


def test_after_sigterm_nobody_new_is_served(server: LiveServer) -> None:
    with wire.stream(server.url, "/completion", ENDLESS) as stream:
        next(stream.events())
        server.signal(signal.SIGTERM)
        wait_until("connections are refused", lambda: not accepts(server))
    assert server.wait_exit() == 0


def accepts(server: LiveServer) -> bool:
    host, port = server.url.removeprefix("http://").split(":")
    try:
        with socket.create_connection((host, int(port)), timeout=5):
            return True
    except ConnectionError:
        return False


def test_ctrl_c_while_the_model_loads_is_quiet(start: Starter, smollm2_path: Path) -> None:
    server = start("-m", smollm2_path, ready=False)
    wait_until("a worker", lambda: descendants(server.pid))
    server.signal(signal.SIGINT)
    assert server.wait_exit() == 0
    assert "Traceback" not in server.log


def test_a_killed_worker_is_replaced_and_serves_again(server: LiveServer) -> None:
    (worker,) = descendants(server.pid)
    with wire.stream(server.url, "/completion", ENDLESS) as stream:
        next(stream.events())
        os.kill(worker, signal.SIGKILL)
        # the client is not left waiting: its connection ends, but its answer does not
        assert not any('"stop":true' in line for line in rest_of(stream))
    wait_until("a new worker is ready", lambda: server.get("/health").status == 200)
    reply = server.post("/v1/chat/completions", {"messages": MESSAGES, "max_tokens": 2})
    assert reply.json["usage"]["completion_tokens"] == 2
    assert "SIGKILL" in server.log
    assert server.stop() == 0


def rest_of(stream: wire.EventStream) -> list[str]:
    """What still comes, up to the end of the connection."""
    lines: list[str] = []
    with contextlib.suppress(ConnectionError):
        lines += stream.lines()
    return lines


def test_a_worker_whose_parent_is_killed_leaves(server: LiveServer) -> None:
    (worker,) = descendants(server.pid)
    with wire.stream(server.url, "/completion", ENDLESS) as stream:
        next(stream.events())
        os.kill(server.pid, signal.SIGKILL)
        server.wait_exit()
        wait_until("the worker is gone", lambda: resident_mib(worker) == 0)
    assert not accepts(server)
