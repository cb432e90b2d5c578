"""`python -m bench`."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from click.testing import Result

from bench.cli import main
from bench.report import read
from bench.servers import Target
from tests.tiny_models import CHATML
from tests.tiny_models import TinySpec
from tests.tiny_models import build_tiny_model

SINGLE = ["-s", "single", "--set", "single.tokens=4", "--set", "single.words=2", "-n", "1"]


def bench(results: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--results", str(results)])


@pytest.mark.model
def test_running_server_is_measured(server: Target, tmp_path: Path) -> None:
    result = bench(tmp_path, server.url, *SINGLE, "--name", "mine")
    assert result.exit_code == 0, result.output
    assert "first token p50, ms" in result.stdout
    assert "[1/1]" in result.stderr and "single, mine, round 1" in result.stderr


@pytest.mark.model
def test_json_is_all_that_stdout_gets(server: Target, tmp_path: Path) -> None:
    result = bench(tmp_path, server.url, server.url, *SINGLE, "--json")
    kinds = [orjson.loads(line)["kind"] for line in result.stdout.splitlines()]
    assert kinds == ["machine", "server", "server", "turn", "turn"]


@pytest.mark.model
def test_saved_file_is_shown_again(server: Target, tmp_path: Path) -> None:
    first = bench(tmp_path, server.url, *SINGLE, "--save", "kept", "--markdown")
    again = bench(tmp_path, "--from", str(tmp_path / "kept.json"), "--markdown")
    assert again.stdout == first.stdout
    assert again.stdout.startswith("* ")


@pytest.mark.model
def test_run_without_a_name_is_kept_by_its_time(server: Target, tmp_path: Path) -> None:
    bench(tmp_path, server.url, *SINGLE)
    (kept,) = tmp_path.iterdir()
    assert kept.match("[0-9]*.json")
    assert len(read(kept.read_bytes().splitlines()).turns) == 1


@pytest.mark.model
def test_two_of_ours_are_started_measured_and_plotted(tmp_path: Path) -> None:
    model = build_tiny_model(tmp_path / "tiny.gguf", TinySpec(chat_template=CHATML))
    plot = tmp_path / "plot.svg"
    result = bench(
        tmp_path,
        *("--ours", "-np 1", "--ours", "-np 2", "--common", "-t 1", "--model", str(model)),
        *(*SINGLE, "--plot", str(plot)),
    )
    assert result.exit_code == 0, result.output
    assert "ours / ours 2" in result.stdout
    assert "llamactl serve -np 2 -t 1 -m tiny.gguf" in result.stdout
    assert ET.parse(plot).getroot().attrib["role"] == "img"


def test_list_shows_scenarios_and_sizes(tmp_path: Path) -> None:
    result = bench(tmp_path, "--list")
    assert "words=20 tokens=192 warm_tokens=16" in result.stdout
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere"], "nowhere: expected the URL of a server"),
        (["http://a", "http://b", "http://c"], "3 servers are named"),
        (["http://a", "--common", "-t 1"], "--common and --model are for --ours and --against"),
        (["http://a", "--name", "x", "--name", "y"], "--name: 2 names for 1 servers"),
        (["http://a", "-s", "nope"], "--scenario nope: there is no such scenario"),
        (["--from", "/no/file"], "--from /no/file: No such file"),
        (["--from", "/no/file", "--json"], "--json: the file of --from is JSON already"),
        (["--ours", "", "--model", "/no.gguf"], "--model /no.gguf: no such file"),
    ],
)
def test_wrong_command_line_is_one_line(
    arguments: list[str], complaint: str, tmp_path: Path
) -> None:
    result = bench(tmp_path, *arguments)
    assert result.exit_code == 1
    assert complaint in result.stderr
    assert len(result.stderr.splitlines()) == 1
