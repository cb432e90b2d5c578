"""`llamactl` as far as it goes without starting anything."""

from __future__ import annotations

import socket
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


def test_a_wrong_configuration_file_is_one_line_too(tmp_path: Path) -> None:
    path = tmp_path / "llama.cpp" / "config.ini"
    path.parent.mkdir()
    for text, said in (
        ("ctx-size = big", "--ctx-size: expected an integer, got 'big'"),
        ("[a\n", "line 1: expected KEY = VALUE or [SECTION]"),
    ):
        path.write_text(text)
        result = CliRunner(env={"XDG_CONFIG_HOME": str(tmp_path)}).invoke(main, ["serve"])
        assert (result.exit_code, result.output) == (1, f"llamactl: {path}: {said}\n")


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


def test_the_completion_script_is_for_bash() -> None:
    result = run("serve", "--completion-bash")
    assert result.exit_code == 0
    assert "complete -o nosort -F _llamactl_completion llamactl" in result.output


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
