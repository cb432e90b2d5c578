"""`llamactl bench` and what it says where something is missing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.commands import main
from bench.servers import ROOT
from bench.usage import family
from server.cli import main as llamactl
from tests.tiny_models import CHATML
from tests.tiny_models import TinySpec
from tests.tiny_models import build_tiny_model


def test_llamactl_hands_its_words_over() -> None:
    result = CliRunner().invoke(llamactl, ["bench", "--list"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("single")


def test_help_is_that_of_the_command() -> None:
    result = CliRunner().invoke(llamactl, ["bench", "--help"])
    assert result.stdout.startswith("Usage: llamactl bench [OPTIONS] [URL] [URL]")


def test_soak_is_a_command_of_its_own() -> None:
    result = CliRunner().invoke(llamactl, ["bench", "soak", "--help"])
    assert "llamactl bench soak [OPTIONS] [SECONDS]" in result.stdout


def test_what_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def without(name: str) -> ModuleSpec | None:
        return None if name == "aiohttp" else find(name)

    monkeypatch.setattr("bench.commands.find_spec", without)
    with pytest.raises(SystemExit, match=r"^x needs aiohttp.*: pip install 'llamactl\[bench\]'$"):
        main(["--list"], "x")


def test_serving_imports_nothing_of_it() -> None:
    code = "import sys, server.cli; sys.exit(any(m.split('.')[0] == 'bench' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.model
def test_sigterm_stops_what_was_started(tmp_path: Path) -> None:
    """As `timeout` sends it: the server must not be left behind."""
    model = build_tiny_model(tmp_path / "tiny.gguf", TinySpec(n_ctx=8192, chat_template=CHATML))
    words = ["--ours", "-c 8192 -np 1 -t 1", "--model", str(model), "--results", str(tmp_path)]
    words += ["-s", "single", "--set", "single.tokens=8000", "-n", "1"]
    with subprocess.Popen(
        [sys.executable, "-m", "bench", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as bench:
        assert bench.stderr is not None
        while "single, ours, round 1" not in bench.stderr.readline():
            pass
        (server,) = family(bench.pid) - {bench.pid} - workers(bench.pid)
        bench.terminate()
        assert bench.wait(30) != 0
    assert family(server) == set()


def workers(pid: int) -> set[int]:
    """Processes that are no children of that one, and descend from it."""
    members = family(pid)
    return {
        each for each in members for parent in members - {pid} if each in family(parent) - {parent}
    }
