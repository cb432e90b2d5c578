"""A real server as a subprocess: start it, ask it, stop it by its pid, read its log.

The command line comes from the caller, so the same harness runs `llamactl serve`, gunicorn,
waitress and llama.cpp's own llama-server. It knows /health and /slots, and nothing else of what it
starts.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from tests.e2e import wire
from tests.e2e.processes import descendants
from tests.e2e.processes import free_port
from tests.e2e.processes import wait_until

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
SERVER_COMMAND_VARIABLE = "LLAMACTL_TEST_SERVER"
ROOT = Path(__file__).resolve().parents[2]


class ServerDied(AssertionError):
    """The server process ended while a test needed it."""


def server_command() -> list[str]:
    """Our server, or the command line that LLAMACTL_TEST_SERVER holds, as a shell reads it."""
    other = os.environ.get(SERVER_COMMAND_VARIABLE)
    return shlex.split(other) if other else [sys.executable, "-m", "server", "serve"]


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without options of either server, plus `extra`."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LLAMA_ARG_", "GUNICORN_", "PYTHONWARNINGS"))
    }
    return {**inherited, "PYTHONUNBUFFERED": "1", **(extra or {})}


@dataclass(slots=True)
class LiveServer:
    """A running server process and its address."""

    process: subprocess.Popen[bytes]
    url: str
    log_path: Path
    headers: dict[str, str] = field(default_factory=dict)
    """What every request says, such as a key."""

    @property
    def pid(self) -> int:
        """The pid of the process that was started."""
        return self.process.pid

    @property
    def log(self) -> str:
        """Everything that it wrote to stdout and stderr so far."""
        return self.log_path.read_text(errors="replace")

    def get(self, path: str) -> wire.Reply:
        """GET."""
        return wire.request(self.url, path, headers=self.headers)

    def post(self, path: str, body: wire.Json) -> wire.Reply:
        """POST as JSON."""
        return wire.request(self.url, path, body, headers=self.headers)

    def slots(self) -> list[dict[str, Any]]:
        """GET /slots."""
        reply = self.get("/slots")
        assert reply.status == 200, reply
        slots: list[dict[str, Any]] = reply.json
        return slots

    def busy_slots(self) -> int:
        """How many slots are processing."""
        return sum(bool(slot["is_processing"]) for slot in self.slots())

    def wait_busy(self, n: int = 1, timeout_s: float = 30.0) -> None:
        """Wait until at least n slots are processing."""
        wait_until(f"{n} slots busy", lambda: self.busy_slots() >= n, timeout_s)

    def wait_idle(self, timeout_s: float = 10.0) -> float:
        """Wait until no slot is processing; returns the seconds that it took."""
        start = time.monotonic()
        wait_until("all slots idle", lambda: self.busy_slots() == 0, timeout_s)
        return time.monotonic() - start

    def wait_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until /health is 200; ServerDied carries the log of a process that ended."""
        wait_until("the server is ready", self._is_ready, timeout_s)

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise ServerDied(f"exit code {self.process.returncode}\n{self.log[-4000:]}")
        try:
            # behind a prefix this is a 404, or a 401 with keys, as late as the 200 elsewhere
            return self.get("/health").status in (200, 401, 404)
        except OSError:
            return False

    def signal(self, number: int) -> None:
        """Send a signal to the process that was started."""
        self.process.send_signal(number)

    def wait_exit(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Wait for the end of the process and return its exit code."""
        return self.process.wait(timeout_s)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """SIGTERM, then wait; returns the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait_exit(timeout_s)

    def kill(self) -> None:
        """End it and its descendants without asking: clean-up for tests that failed."""
        family = [self.pid, *descendants(self.pid)]
        if self.process.poll() is None:
            for pid in family:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        self.process.wait(STOP_TIMEOUT_S)


def start(
    args: Sequence[str | Path],
    log_path: Path,
    *,
    command: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
    port: int | None = None,
    ready: bool = True,
) -> LiveServer:
    """Start `command args` on a free loopback port; unless told not to, wait until it is ready."""
    port = port or free_port()
    argv = [
        *(command or server_command()),
        *map(str, args),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    return start_command(argv, port, log_path, environment=environment, ready=ready)


def start_command(
    argv: Sequence[str],
    port: int,
    log_path: Path,
    *,
    environment: Mapping[str, str] | None = None,
    ready: bool = True,
) -> LiveServer:
    """Start a complete command line that listens on `port` of the loopback interface."""
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            list(argv),
            cwd=ROOT,
            env=clean_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    server = LiveServer(process, f"http://127.0.0.1:{port}", log_path)
    if ready:
        try:
            server.wait_ready()
        except BaseException:
            server.kill()
            raise
    return server
