"""Servers that are started for a measurement, and stopped after it by their process id.

It knows how to say host, port and model to `llamactl serve` and to llama-server, and when they are
ready. It does not know what they are for.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.errors import ServerNotReady
from bench.errors import UsageError

ROOT = Path(__file__).absolute().parents[1]
HOST = "127.0.0.1"
READY_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 15.0
POLL_S = 0.02
NO_SUCH_ROUTE = (404, 405)
LOG_LINES = 15  # of a server that did not start, to be shown


@dataclass(frozen=True, slots=True)
class Launch:
    """A command that starts a server; `--host` and `--port` are added to it."""

    name: str
    program: tuple[str, ...]
    arguments: tuple[str, ...]
    title: str  # of the program, for people

    @property
    def shown(self) -> str:
        """The command as it goes into results: without this machine's paths."""
        words = [Path(word).name if word.startswith("/") else word for word in self.arguments]
        return shlex.join([*self.title.split(), *words])


@dataclass(frozen=True, slots=True)
class Target:
    """A server that answers."""

    name: str
    url: str
    pid: int | None = None  # None: it was not started here
    command: str = ""
    ready_s: float | None = None  # from the start of the process
    launch: Launch | None = None  # how to start another one like it
    model_id: str = ""  # what requests have to call its model


def ours(arguments: str, extra: Sequence[str] = ()) -> Launch:
    """This checkout's `llamactl serve`."""
    program = (sys.executable, "-m", "server", "serve")
    return Launch("ours", program, (*shlex.split(arguments), *extra), "llamactl serve")


def other(command: str, extra: Sequence[str] = ()) -> Launch:
    """Another server's command line; its name is that of the program."""
    words = shlex.split(command)
    if not words:
        raise UsageError("--against: expected the command that starts a server, got nothing")
    name = Path(words[0]).name
    return Launch(name, (words[0],), (*words[1:], *extra), name)


@contextmanager
def running(launch: Launch, log: Path, timeout_s: float = READY_TIMEOUT_S) -> Iterator[Target]:
    """The server on a free loopback port, ready; its output is in `log`. ServerNotReady."""
    port = _free_port()
    argv = [*launch.program, *launch.arguments, "--host", HOST, "--port", str(port)]
    start_s = time.perf_counter()
    process = _start(argv, log)
    try:
        url = f"http://{HOST}:{port}"
        _wait_ready(launch.name, process, url, log, timeout_s)
        ready_s = time.perf_counter() - start_s
        yield Target(launch.name, url, process.pid, launch.shown, ready_s, launch)
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _environment() -> dict[str, str]:
    """Without options of either server, so that the command line says all that was measured."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("LLAMA_ARG_")
    }
    paths = [str(ROOT), *filter(None, [inherited.get("PYTHONPATH")])]
    return {**inherited, "PYTHONPATH": os.pathsep.join(paths)}


def _start(argv: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        try:
            # A session of its own: Ctrl-C reaches this program alone, which then stops the server.
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise ServerNotReady(f"{argv[0]} cannot be started: {error.strerror}") from error


def _wait_ready(
    name: str, process: subprocess.Popen[bytes], url: str, log: Path, timeout_s: float
) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not _is_healthy(url):
        if process.poll() is not None:
            raise ServerNotReady(f"{name} ended with {process.returncode}:\n{_tail(log)}")
        if time.monotonic() > deadline_s:
            raise ServerNotReady(f"{name} is not ready after {timeout_s:g} s:\n{_tail(log)}")
        time.sleep(POLL_S)


def _is_healthy(url: str) -> bool:
    """By /health; of a server that has none, by its list of models."""
    status = _status(f"{url}/health")
    return (_status(f"{url}/v1/models") if status in NO_SUCH_ROUTE else status) == 200


def _status(url: str) -> int:
    """0 where nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code
    except OSError:
        return 0


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the process; after STOP_TIMEOUT_S the end of its whole session."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_TIMEOUT_S)
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
