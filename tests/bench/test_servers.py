"""Starting and stopping servers."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from bench.errors import ServerNotReady
from bench.errors import UsageError
from bench.servers import Launch
from bench.servers import other
from bench.servers import ours
from bench.servers import running
from tests.bench.conftest import write

STUBBORN = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer((sys.argv[2], int(sys.argv[4])), Handler).serve_forever()
"""


def script(path: Path, source: str) -> Launch:
    return other(shlex.join([sys.executable, str(write(path / "server.py", source))]))


def test_commands_are_split_as_a_shell_does() -> None:
    launch = other("/opt/x/llama-server -m 'a b.gguf'", ["-np", "2"])
    assert launch.name == "llama-server"
    assert (launch.program, launch.arguments) == (
        ("/opt/x/llama-server",),
        ("-m", "a b.gguf", "-np", "2"),
    )


def test_results_name_no_directories() -> None:
    assert ours("-m /home/me/a.gguf").shown == "llamactl serve -m a.gguf"
    assert other("/opt/x/llama-server -m /home/me/a.gguf").shown == "llama-server -m a.gguf"


def test_empty_command_is_refused() -> None:
    with pytest.raises(UsageError, match="--against: expected the command"):
        other("  ")


def test_missing_program_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerNotReady, match="/no/such/server cannot be started: No such file"),
        running(other("/no/such/server"), tmp_path / "log"),
    ):
        pass


def test_server_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    launch = script(tmp_path, "import sys; sys.exit('no model')")
    with (
        pytest.raises(ServerNotReady, match=r"ended with 1:\nno model"),
        running(launch, tmp_path / "log"),
    ):
        pass


def test_server_that_is_never_ready_is_stopped(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    source = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid()))\n"
    launch = script(tmp_path, source + "print('loading', flush=True)\ntime.sleep(60)")
    with (
        pytest.raises(ServerNotReady, match=r"not ready after 0\.5 s:\nloading"),
        running(launch, tmp_path / "log", timeout_s=0.5),
    ):
        pass
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_server_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.servers.STOP_TIMEOUT_S", 0.2)
    with running(script(tmp_path, STUBBORN), tmp_path / "log") as target:
        assert target.pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(target.pid, 0)


def test_options_of_the_environment_stay_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_ARG_MODEL", "other.gguf")
    launch = script(tmp_path, "import os, sys; sys.exit(str('LLAMA_ARG_MODEL' in os.environ))")
    with pytest.raises(ServerNotReady, match="\nFalse"), running(launch, tmp_path / "log"):
        pass
