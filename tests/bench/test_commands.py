"""`llamactl bench` and what it says where something is missing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.machinery import ModuleSpec

import pytest
from click.testing import CliRunner

from bench.commands import main
from server.cli import main as llamactl


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
