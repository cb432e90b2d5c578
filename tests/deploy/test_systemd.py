"""The unit files, as systemd itself reads them, and a server that runs as they say."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from server.options.resolve import resolve
from tests.deploy.files import DEPLOY
from tests.deploy.files import VARIABLES
from tests.deploy.files import environment_lines
from tests.deploy.files import program
from tests.e2e import live
from tests.e2e import wire
from tests.e2e.processes import wait_until

UNITS = DEPLOY / "systemd"

MAX_EXPOSURE = 2.0
"""Of 10: `systemd-analyze security` calls everything below 5 OK."""

ACTIVATE = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3, inheritable=True);"
    " os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
    " os.execv(sys.argv[2], sys.argv[2:])"
)
"""What systemd does between fork and exec."""


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with a program that exists, since systemd looks for it."""
    for path in UNITS.iterdir():
        shutil.copy(path, tmp_path)
    service = tmp_path / "llamactl.service"
    text = service.read_text()
    start = re.search(r"^ExecStart=(\S+) serve$", text, re.M)
    assert start is not None
    service.write_text(text.replace(start[1], shutil.which("true") or "/bin/true"))
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
def test_systemd_has_nothing_to_say_against_the_units(units: Path) -> None:
    analyze = program("systemd-analyze", "systemd")
    overridden = units / "llamactl.service.d"
    overridden.mkdir()
    (units / "gpu.conf").rename(overridden / "gpu.conf")
    names = ("llamactl.service", "llamactl.socket")
    done = subprocess.run(
        [analyze, "verify", "--man=no", *(units / name for name in names)],
        check=False,
        capture_output=True,
        text=True,
    )
    ours = [line for line in done.stderr.splitlines() if "llamactl" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
def test_little_of_the_machine_is_exposed(units: Path) -> None:
    done = subprocess.run(
        [
            program("systemd-analyze", "systemd"),
            "security",
            "--offline=true",
            "--no-pager",
            units / "llamactl.service",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    level = re.search(r"exposure level for llamactl.service: ([\d.]+)", done.stdout)
    assert level is not None, done.stdout
    assert float(level[1]) <= MAX_EXPOSURE


def test_the_environment_file_names_options() -> None:
    variables = environment_lines((UNITS / "llamactl.env").read_text())
    assert set(variables) <= VARIABLES
    resolve((), variables)


def heard(systemd: socket.socket, word: str) -> list[str]:
    """Everything that is told up to the first message with this word."""
    said: list[str] = []
    while word not in said:
        said += systemd.recv(4096).decode().split("\n")
    return said


@pytest.mark.model
def test_systemd_follows_the_life_of_a_server(tmp_path: Path, tiny_model_path: Path) -> None:
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    systemd.bind(str(tmp_path / "notify"))
    systemd.settimeout(30)
    variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"}
    args = ("-m", tiny_model_path, "-t", "1")
    server = live.start(args, tmp_path / "log", environment=variables, ready=False)
    try:
        assert "STATUS=loading the model" in heard(systemd, "READY=1")
        # who waited for that may ask at once
        assert server.get("/health").json == {"status": "ok"}
        heard(systemd, "WATCHDOG=1")
        server.signal(15)
        heard(systemd, "STOPPING=1")
        assert server.wait_exit() == 0
    finally:
        server.kill()
        systemd.close()


@pytest.mark.model
def test_a_socket_of_systemd_outlives_the_server(tmp_path: Path, tiny_model_path: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)
    port = listener.getsockname()[1]
    fd = os.dup(listener.fileno())
    os.set_inheritable(fd, True)
    activated = (sys.executable, "-c", ACTIVATE, str(fd), *live.server_command())
    command = [*activated, "-m", str(tiny_model_path), "-t", "1"]

    def start(number: int) -> live.LiveServer:
        log = tmp_path / f"log{number}"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, stdout=out, stderr=out, cwd=live.ROOT, close_fds=False
            )
        return live.LiveServer(process, f"http://127.0.0.1:{port}", log)

    first = start(0)
    try:
        first.wait_ready()
        assert first.stop() == 0
        # nobody serves now, and nobody is refused
        waiting = wire.open_socket(first.url, "/tokenize", {"content": "hello"})
    finally:
        first.kill()
    second = start(1)
    try:
        with waiting:
            assert b"HTTP/1.1 " in wire.read_until(waiting, b"\r\n\r\n")
        wait_until("it is ready", lambda: second.get("/health").status == 200)
        wait_until("it says where", lambda: f"listening on {second.url}" in second.log)
    finally:
        second.kill()
        os.close(fd)
        listener.close()
