"""`llamactl` as far as it goes without starting anything."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result

from server import __version__
from server.cli import main
from server.cli import serve


def run(*words: str) -> Result:
    environ = {"LLAMA_ARG_MODEL": None, "LLAMA_ARG_DEMO": None, "LLAMA_ARG_CTX_SIZE": None}
    return CliRunner(env=environ).invoke(main, words)


def test_devices_are_listed() -> None:
    result = run("serve", "--list-devices")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Available devices:\n  ")


@pytest.mark.parametrize("words", [["--version"], ["serve", "--version"]])
def test_version_names_both_programs(words: list[str]) -> None:
    result = run(*words)
    assert result.exit_code == 0
    assert result.output.startswith(f"llamactl {__version__} (llama.cpp ")


@pytest.mark.parametrize("flag", ["-h", "--help", "--usage"])
def test_help_of_serve_shows_the_table(flag: str) -> None:
    result = run("serve", "-c", "5", flag)
    assert result.exit_code == 0
    assert "\nContext and generation:\n  -c, --ctx-size N" in result.output


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["-c", "big"], "llamactl: --ctx-size: expected an integer, got 'big'\n"),
        (["--portt", "1"], "llamactl: --portt: unknown option; did you mean --port?\n"),
        ([], "llamactl: no model is named; use --model FILE, or --demo for a small one\n"),
        (["-m", "/no/such.gguf"], "llamactl: /no/such.gguf: can't read the model: "),
        (["--log-file", "/no/such/log"], "llamactl: --log-file: can't write '/no/such/log': "),
    ],
)
def test_what_cannot_work_is_one_line_and_exit_code_1(words: list[str], line: str) -> None:
    result = run("serve", *words)
    assert result.exit_code == 1
    assert result.output.startswith(line)
    assert result.output.count("\n") == 1


def test_a_wrong_variable_is_one_line_too() -> None:
    result = CliRunner(env={"LLAMA_ARG_CTX_SIZE": "big"}).invoke(main, ["serve"])
    assert result.exit_code == 1
    assert result.output == (
        "llamactl: LLAMA_ARG_CTX_SIZE: --ctx-size: expected an integer, got 'big'\n"
    )


def test_warnings_are_logged_before_anything_starts() -> None:
    result = run("serve", "-c", "1", "-c", "2")
    assert "W llamactl: --ctx-size: given more than once; the last one counts\n" in result.output


def test_completion_knows_the_flags() -> None:
    with serve.make_context("serve", []) as context:
        items = serve.shell_complete(context, "--ctx-s")
    assert [item.value for item in items] == ["--ctx-size"]


def test_completion_leaves_values_to_the_shell() -> None:
    with serve.make_context("serve", []) as context:
        items = serve.shell_complete(context, "model")
    assert [(item.value, item.type) for item in items] == [("model", "file")]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["serve", "--completion-bash"], "complete -o nosort -F _llamactl_completion llamactl"),
        (["completion", "bash"], "complete -o nosort -F _llamactl_completion llamactl"),
        (["completion", "zsh"], "#compdef llamactl"),
        (["completion", "fish"], "complete --no-files --command llamactl"),
    ],
)
def test_there_is_a_completion_script_for_each_shell(words: list[str], line: str) -> None:
    result = run(*words)
    assert result.exit_code == 0
    assert line in result.output


def test_bash_completes_flags(tmp_path: Path) -> None:
    program = tmp_path / "llamactl"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m server.cli "$@"\n')
    program.chmod(0o755)
    script = """
        eval "$(llamactl completion bash)"
        COMP_WORDS=(llamactl serve --no-mm --kv-uni) COMP_CWORD=3
        _llamactl_completion llamactl
        echo "${COMPREPLY[@]}"
    """
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True)
    assert done.stdout.split() == ["--kv-unified", "--kv-unified-per-slot"], done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_told_what_each_flag_is_for(shell: str) -> None:
    environ = {
        "_LLAMACTL_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": "llamactl serve --api-p",
        "COMP_CWORD": "2" if shell == "zsh" else "--api-p",
    }
    output = CliRunner(env=environ).invoke(main, prog_name="llamactl").output
    assert "--api-prefix" in output
    assert "path under which everything is served" in output


def test_a_port_in_use_is_one_line(tiny_model_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("serve", "-m", str(tiny_model_path), "--port", str(port))
    assert result.exit_code == 1
    assert result.output == (
        f"llamactl: --port: 127.0.0.1:{port} is in use by another program; "
        "choose another port, or stop it\n"
    )
