"""The whole process: how it begins, how it ends, and what survives a crash."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import live
from tests.e2e.live import LiveServer
from tests.e2e.processes import descendants
from tests.e2e.processes import wait_until

Starter = Callable[..., LiveServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Starts servers and ends those that a test leaves."""
    servers: list[LiveServer] = []

    def start_server(
        *args: str | Path, command: tuple[str | Path, ...] | None = None, ready: bool = True
    ) -> LiveServer:
        words = None if command is None else [str(word) for word in command]
        server = live.start(args, tmp_path / f"log{len(servers)}", command=words, ready=ready)
        servers.append(server)
        return server

    yield start_server
    for server in servers:
        server.kill()


@pytest.fixture(scope="module")
def running(
    tiny_model_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """A server that several tests ask."""
    server = live.start(["-m", tiny_model_path], tmp_path_factory.mktemp("running") / "log")
    yield server
    try:
        # idle, it ends by itself when it is told to
        assert server.stop() == 0
    finally:
        server.kill()


def open_stream(server: LiveServer) -> socket.socket:
    """A completion that goes on for longer than any test; returned once its first bytes came."""
    host, port = server.url.removeprefix("http://").split(":")
    client = socket.create_connection((host, int(port)), timeout=30)
    body = b'{"prompt": "Once", "n_predict": 100000, "stream": true, "ignore_eos": true}'
    head = f"POST /completion HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + body)
    assert client.recv(12) == b"HTTP/1.1 200"
    return client


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "can't read the model: No such file or directory"),
        (b"no model at all, but some text", "this is not a GGUF file"),
        (b"GGUF\x03\0\0\0", "the file is cut short"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_one_line(
    start: Starter, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    server = start("-m", path, ready=False)
    assert server.wait_exit() == 1
    assert server.log.startswith(f"llamactl: {path}: {sentence}")
    assert server.log.count("\n") == 1


@pytest.mark.parametrize("source", ["{% for", "\n{{ raise_exception('no\nchats') }}"])
def test_a_template_that_is_broken_is_one_line(start: Starter, source: str) -> None:
    server = start("--chat-template", source, ready=False)
    assert server.wait_exit() == 1
    assert server.log.startswith("llamactl: --chat-template: ")
    assert server.log.count("\n") == 1


@pytest.mark.model
def test_a_model_that_fails_while_loading_is_one_line(
    start: Starter, tmp_path: Path, tiny_model_path: Path
) -> None:
    path = tmp_path / "model.gguf"
    # same length, so that only libllama can see what is wrong
    path.write_bytes(tiny_model_path.read_bytes().replace(b"llama", b"lxama", 1))
    server = start("-m", path, ready=False)
    assert server.wait_exit() == 1
    assert "lxama" in server.log
    assert server.log.count("\n") == 1


@pytest.mark.model
def test_one_line_says_where_it_listens(start: Starter, tiny_model_path: Path) -> None:
    server = start("-m", tiny_model_path)
    line = f"llamactl is listening on {server.url} (model: {tiny_model_path.name})\n"
    wait_until("the line", lambda: server.log == line)


@pytest.mark.model
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_while_the_worker_begins_is_not_lost(
    start: Starter, tiny_model_path: Path, number: int
) -> None:
    server = start("-m", tiny_model_path, ready=False)
    (worker,) = wait_until("a worker", lambda: descendants(server.pid))
    # a terminal and systemd send it to all processes of the group
    for pid in (worker, server.pid):
        os.kill(pid, number)
    # the parent gives a worker that does not hear it 35 seconds
    assert server.wait_exit() == 0
    assert "SIGKILL" not in server.log


SLOW_TO_BEGIN = """
import time
import server.__main__ as program, server.launch
server.launch.start_engine = lambda *_, **__: time.sleep(60)
program.main()
"""


@pytest.mark.model
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_slow_to_begin_leaves_at_once(
    start: Starter, tiny_model_path: Path, number: int
) -> None:
    command = (sys.executable, "-c", SLOW_TO_BEGIN, "serve")
    server = start("-m", tiny_model_path, command=command, ready=False)
    wait_until("a worker", lambda: descendants(server.pid))
    server.signal(number)
    assert server.wait_exit() == 0
    assert server.log == ""


INTERRUPTED = """
import os, signal
import server.__main__ as program, server.cli
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored
server.cli.main = lambda **_: os.kill(os.getpid(), signal.SIGINT)
program.main()
"""


def test_ctrl_c_before_anything_is_served_is_quiet() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


@pytest.mark.model
def test_a_server_without_standard_streams_serves(start: Starter, tiny_model_path: Path) -> None:
    command = ("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *live.server_command())
    server = start("-m", tiny_model_path, command=command)
    worker = descendants(server.pid)[-1]
    assert server.get("/health").json == {"status": "ok"}
    if Path("/proc").exists():
        links = {str(Path(f"/proc/{worker}/fd/{fd}").readlink()) for fd in (0, 1, 2)}
        assert links == {os.devnull}


@pytest.mark.model
def test_a_server_in_a_directory_that_is_gone_serves(
    start: Starter, tiny_model_path: Path, tmp_path: Path
) -> None:
    script = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"'
    command = ("sh", "-c", script, tmp_path / "gone", *live.server_command())
    server = start("-m", tiny_model_path.resolve(), command=command)
    assert server.get("/health").json == {"status": "ok"}


@pytest.mark.model
@pytest.mark.skipif(sys.platform == "darwin", reason="names of files are UTF-8 there")
def test_a_model_whose_name_is_no_utf8_is_served(
    start: Starter, tiny_model_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / os.fsdecode(b"\xff.gguf")
    path.symlink_to(tiny_model_path)
    server = start("-m", path)
    shown = f"{tmp_path}/\ufffd.gguf"
    assert server.get("/props").json["model_path"] == shown
    assert server.post("/completion", {"prompt": "a", "n_predict": 1}).json["model"] == shown


@pytest.mark.model
def test_sigterm_ends_an_idle_server_with_exit_code_0(
    start: Starter, tiny_model_path: Path
) -> None:
    server = start("-m", tiny_model_path)
    assert server.stop() == 0


@pytest.mark.model
def test_a_stream_that_is_cut_by_ctrl_c_gets_a_last_event(
    start: Starter, tiny_model_path: Path
) -> None:
    server = start("-m", tiny_model_path)
    with open_stream(server) as client:
        server.signal(signal.SIGINT)
        received = b""
        while chunk := client.recv(65536):
            received += chunk
    assert received.endswith(b"0\r\n\r\n")


@pytest.mark.model
def test_connections_wait_while_a_crashed_worker_is_replaced(
    start: Starter, tiny_model_path: Path
) -> None:
    server = start("-m", tiny_model_path)
    (worker,) = descendants(server.pid)
    os.kill(worker, signal.SIGSEGV)
    # no connection is refused meanwhile: get() would raise
    wait_until("a new worker is ready", lambda: server.get("/health").status == 200)
    assert descendants(server.pid) != [worker]
    assert "SIGSEGV" in server.log


@pytest.mark.model
def test_sigusr2_restarts_the_worker(start: Starter, tiny_model_path: Path) -> None:
    server = start("-m", tiny_model_path)
    before = descendants(server.pid)
    server.signal(signal.SIGUSR2)
    wait_until("another worker", lambda: descendants(server.pid) not in (before, []))
    wait_until("it is ready", lambda: server.get("/health").status == 200)
    assert server.stop() == 0


@pytest.mark.model
def test_sighup_opens_the_log_file_anew(
    start: Starter, tiny_model_path: Path, tmp_path: Path
) -> None:
    path, moved = tmp_path / "llm.log", tmp_path / "llm.log.1"
    server = start("-m", tiny_model_path, "--log-file", path)
    wait_until("it listens", lambda: "listening" in path.read_text())
    path.rename(moved)
    server.signal(signal.SIGHUP)
    wait_until("a new file", lambda: path.exists() and "SIGHUP: read" in path.read_text())
    assert "SIGHUP: read" not in moved.read_text()


@pytest.mark.model
@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 101 + b"\r\n", 431),
        (b"nonsense\r\n\r\n", 400),
    ],
)
def test_a_request_that_cannot_be_read_is_answered_in_json(
    running: LiveServer, request_bytes: bytes, status: int
) -> None:
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(request_bytes)
        answer = client.recv(4096)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b'{"error":{"code":%d,' % status in answer
