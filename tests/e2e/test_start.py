"""How a server begins: one line for what can't work, 503 while the model loads, then the URL.

Files that are missing or no GGUF at all, and models that libllama refuses, are in
tests/cli/test_process.py.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import socket
import subprocess
from pathlib import Path

import pytest

from tests.api.replies import assert_error_body
from tests.e2e import live
from tests.e2e import wire
from tests.e2e.conftest import Starter
from tests.e2e.live import LiveServer
from tests.e2e.processes import free_port
from tests.e2e.processes import wait_until

pytestmark = pytest.mark.model

ERASE = "\r\033[K"


def assert_refused(server: LiveServer, *words: str) -> None:
    """The process ends with exit code 1 and one line that holds these words."""
    assert server.wait_exit() == 1
    (line,) = server.log.splitlines()
    assert line.startswith("llamactl: ")
    for word in words:
        assert word in line


@pytest.mark.parametrize("part", [0.02, 0.5, 0.999])
def test_a_model_that_is_cut_short_is_one_line(
    start: Starter, tiny_path: Path, tmp_path: Path, part: float
) -> None:
    path = tmp_path / "cut.gguf"
    whole = tiny_path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    assert_refused(start("-m", path, ready=False), str(path), "cut short")


def test_a_directory_is_no_model(start: Starter, tmp_path: Path) -> None:
    assert_refused(start("-m", tmp_path, ready=False), str(tmp_path))


def test_a_port_that_is_taken_is_one_line(start: Starter, tiny_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = start("-m", tiny_path, port=port, ready=False)
        assert_refused(server, "--port", f"127.0.0.1:{port}", "in use")


def test_no_model_is_one_line(start: Starter) -> None:
    assert_refused(start(ready=False), "--model", "--demo")


def test_a_variable_that_is_wrong_is_named(start: Starter, tiny_path: Path) -> None:
    wrong = {"LLAMA_ARG_CTX_SIZE": "big"}
    server = start("-m", tiny_path, environment=wrong, ready=False)
    assert_refused(server, "LLAMA_ARG_CTX_SIZE", "big")


def test_everything_is_503_until_the_model_is_loaded(start: Starter, smollm2_path: Path) -> None:
    # this option makes loading slower: every tensor is read
    server = start("-m", smollm2_path, "--check-tensors", ready=False)
    reply = wait_until("an answer", lambda: answer(server))
    assert reply is not None
    message = assert_error_body(reply.json, 503, "unavailable_error")
    assert (reply.status, message) == (503, "Loading model")
    server.wait_ready()
    assert server.get("/health").json == {"status": "ok"}


def answer(server: LiveServer) -> wire.Reply | None:
    try:
        return server.get("/health")
    except ConnectionRefusedError:
        return None


def test_a_terminal_shows_how_far_the_model_is_loaded(smollm2_path: Path) -> None:
    ours, theirs = pty.openpty()
    port = free_port()
    words = ["-m", str(smollm2_path), "--check-tensors", "--port", str(port)]
    process = subprocess.Popen(
        [*live.server_command(), *words],
        cwd=live.ROOT,
        env=live.clean_environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        text = read_until_line(ours, "listening on")
    finally:
        process.terminate()
        rest = read_to_the_end(ours)
        exit_code = process.wait(live.STOP_TIMEOUT_S)
    assert exit_code == 0
    shown = [int(number) for number in re.findall(r"(\d+)%", text)]
    assert shown == sorted(shown)
    assert shown[0] < 100
    assert f"loading {smollm2_path.name} " in text
    url = f"http://127.0.0.1:{port}"
    *lasting, end = [line.rsplit(ERASE)[-1] for line in (text + rest).split("\r\n")]
    assert lasting == [f"llamactl is listening on {url} (model: {smollm2_path.name})"]
    assert end == ""


def read_until_line(terminal: int, words: str) -> str:
    """What a terminal was sent, up to the end of the line that holds these words."""
    received = b""
    while True:
        received += os.read(terminal, 4096)
        text = received.decode(errors="ignore")
        if words in text and text.endswith("\n"):
            return text


def read_to_the_end(terminal: int) -> str:
    """What a terminal was sent until the last process closed it; closes our side too."""
    received = b""
    # Linux reports the end as EIO, macOS as an empty read
    with contextlib.suppress(OSError):
        while piece := os.read(terminal, 4096):
            received += piece
    os.close(terminal)
    return received.decode()
