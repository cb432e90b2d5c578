"""A model over several machines: ggml's RPC servers, and the same text as on one machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from contextlib import contextmanager
from pathlib import Path

import pytest

from llama_ctypes.library import DIRECTORY
from tests.e2e.conftest import ONE_THREAD
from tests.e2e.conftest import Starter
from tests.e2e.live import ROOT
from tests.e2e.live import LiveServer
from tests.e2e.processes import free_port
from tests.e2e.processes import is_listening
from tests.e2e.processes import wait_until

pytestmark = pytest.mark.model

PROGRAM = DIRECTORY / "ggml-rpc-server"
BODY = {"prompt": "The three primary colours are", "n_predict": 24, "temperature": 0}
ARGS = ("--demo", "-c", "2048", "-np", "1", *ONE_THREAD)

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


@pytest.fixture
def text_of_one(demo: LiveServer) -> str:
    """What one machine says."""
    text: str = demo.post("/completion", BODY).json["content"]
    return text


@contextmanager
def rpc_server(program: str) -> Iterator[str]:
    """host:port of an RPC server that offers this machine's processors."""
    port = free_port()
    with subprocess.Popen([program, "-p", str(port)], stdout=subprocess.DEVNULL) as process:
        try:
            wait_until("the RPC server listens", lambda: is_listening("127.0.0.1", port))
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()


def test_two_servers_say_what_one_machine_says(
    program: str, text_of_one: str, start: Starter
) -> None:
    with ExitStack() as stack:
        endpoints = [stack.enter_context(rpc_server(program)) for _ in range(2)]
        server = start(*ARGS, "--rpc", ",".join(endpoints), "-lv", "4")
        assert server.post("/completion", BODY).json["content"] == text_of_one
        # each holds a part of the weights
        assert all(f"RPC0[{each}] model buffer" in server.log for each in endpoints)
        assert server.stop() == 0


def test_two_machines_say_what_one_machine_says(program: str, text_of_one: str) -> None:
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
    assert json.loads(asked.stdout)["content"] == text_of_one


def test_a_machine_that_is_not_there_is_one_line(start: Starter, tmp_path: Path) -> None:
    endpoint = f"127.0.0.1:{free_port()}"
    server = start("--demo", "--rpc", endpoint, ready=False)
    assert server.wait_exit() == 1
    (line,) = server.log.splitlines()
    assert f"--rpc: no server answers at {endpoint}: " in line
