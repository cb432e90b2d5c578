"""A model over several machines: ggml's RPC servers, the same text as on one, and one that dies."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from llama_ctypes.library import DIRECTORY
from tests.e2e import wire
from tests.e2e.conftest import ONE_THREAD
from tests.e2e.conftest import Starter
from tests.e2e.live import ROOT
from tests.e2e.live import LiveServer
from tests.e2e.processes import free_port
from tests.e2e.processes import is_listening
from tests.e2e.processes import wait_until
from tests.e2e.questions import SURE
from tests.e2e.questions import SURE_ANSWER

pytestmark = pytest.mark.model

PROGRAM = DIRECTORY / "ggml-rpc-server"
# over RPC sums are added in another order than by the processor of this machine alone
BODY = {"messages": [{"role": "user", "content": SURE}], "max_tokens": 24, "temperature": 0}
ARGS = ("--demo", "-c", "2048", "-np", "1", *ONE_THREAD)

LAST_CHUNK = b"0\r\n\r\n"

NEW_NETWORK = ("unshare", "-Urn")


@pytest.fixture
def program() -> str:
    """ggml's RPC server, as build_native.sh builds it."""
    if PROGRAM.exists():
        return str(PROGRAM)
    remedy = "ggml-rpc-server is missing: ./build_native.sh --rpc-server"
    if os.environ.get("CI"):
        pytest.fail(remedy)
    pytest.skip(remedy)


@contextmanager
def rpc_server(program: str, port: int | None = None) -> Iterator[str]:
    """host:port of an RPC server that offers this machine's processors; killed in the end."""
    port = port or free_port()
    with subprocess.Popen([program, "-p", str(port)], stdout=subprocess.DEVNULL) as process:
        try:
            wait_until("the RPC server listens", lambda: is_listening("127.0.0.1", port))
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()


def text_of(answer: Any) -> str:
    """What a chat's answer says."""
    content: str = answer["choices"][0]["message"]["content"]
    return content


def test_two_servers_say_what_one_machine_says(program: str, start: Starter) -> None:
    with ExitStack() as stack:
        endpoints = [stack.enter_context(rpc_server(program)) for _ in range(2)]
        server = start(*ARGS, "--rpc", ",".join(endpoints), "-lv", "4")
        assert text_of(server.post("/v1/chat/completions", BODY).json) == SURE_ANSWER
        # each holds a part of the weights
        assert all(f"RPC0[{each}] model buffer" in server.log for each in endpoints)
        assert server.stop() == 0


def test_two_machines_say_what_one_machine_says(program: str) -> None:
    probe = subprocess.run([*NEW_NETWORK, "ip", "link"], capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"no namespaces for this user: {probe.stderr.strip()}")
    asked = subprocess.run(
        [*NEW_NETWORK, sys.executable, "-m", "tests.e2e.machines", program, *ARGS],
        cwd=ROOT,
        input=json.dumps(BODY),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert asked.returncode == 0, asked.stderr
    assert text_of(json.loads(asked.stdout)) == SURE_ANSWER


def test_a_machine_that_dies_is_waited_for(program: str, start: Starter, tiny_path: Path) -> None:
    body, port = {"prompt": "Once", "n_predict": 8, "temperature": 0}, free_port()
    with rpc_server(program) as first:
        with rpc_server(program, port) as second:
            server = start("-m", tiny_path, "-np", "1", *ONE_THREAD, "--rpc", f"{first},{second}")
            before = server.post("/completion", body).json["content"]
            endless = body | {"n_predict": -1, "ignore_eos": True, "stream": True}
            stream = wire.open_socket(server.url, "/completion", endless)
            wire.read_until(stream, b"data: ")
        assert not rest_of(stream).endswith(LAST_CHUNK)
        wait_until("a worker waits", lambda: is_loading(server))
        wait_until("it says why", lambda: f"--rpc: waiting for {second}: " in server.log)
        assert "the server died while it worked on chatcmpl-" in server.log
        with rpc_server(program, port):
            server.wait_ready()
            assert server.post("/completion", body).json["content"] == before
        # who has nothing to compute does not notice yet that it is away again
        with pytest.raises((OSError, HTTPException)):
            server.post("/completion", body)
        wait_until("another worker waits", lambda: is_loading(server))
        assert server.stop() == 0


def rest_of(stream: socket.socket) -> bytes:
    """All that comes until the server closes."""
    received = b""
    with stream, contextlib.suppress(ConnectionError):
        while piece := stream.recv(1 << 16):
            received += piece
    return received


def is_loading(server: LiveServer) -> bool:
    """Whether /health says that there is no model yet."""
    reply = server.get("/health")
    return reply.status == 503 and reply.json["error"]["message"] == "Loading model"


def test_a_machine_that_is_not_there_is_one_line(start: Starter, tmp_path: Path) -> None:
    endpoint = f"127.0.0.1:{free_port()}"
    server = start("--demo", "--rpc", endpoint, ready=False)
    assert server.wait_exit() == 1
    (line,) = server.log.splitlines()
    assert f"--rpc: no server answers at {endpoint}: " in line
