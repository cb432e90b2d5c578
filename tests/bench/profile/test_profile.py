"""Where the time of a step goes, as tables, bars and for Perfetto."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.errors import UsageError
from bench.profile.bars import COLOURS
from bench.profile.bars import Profile
from bench.profile.bars import draw
from bench.profile.cli import main
from bench.profile.threads import used
from bench.profile.trace import ABOUT
from bench.profile.trace import PARTS
from bench.profile.trace import chrome
from bench.profile.trace import parts
from bench.profile.trace import read
from bench.profile.trace import steady
from bench.svg import render
from server.engine.traced import LINE
from server.engine.traced import Part
from tests.tiny_models import build_tiny_model

TIMES = [float(i) for i in range(len(PARTS))]


def line(streams: int = 2, prompts: int = 0, at_us: int = 0, factor: float = 1.0) -> bytes:
    """One as the engine writes it; its part number i takes i microseconds."""
    times = [each * factor for each in TIMES]
    rows = streams + 10 * prompts
    return (LINE % (at_us, streams, prompts, 10 * prompts, rows, sum(times), *times, 3, 4)).encode()


def test_parts_are_those_of_the_engine() -> None:
    assert [part.name.lower() for part in Part] == list(PARTS) == list(ABOUT) == list(COLOURS)


def test_lines_of_the_engine_are_read() -> None:
    (step,) = read([line(at_us=7)])
    assert (step.at_us, step.n_streams, step.n_rows, step.total_us) == (7, 2, 2, sum(TIMES))
    assert step.parts_us == tuple(TIMES)
    assert (step.waits_us, step.decode_waits_us) == (3, 4)


def test_a_line_that_is_being_written_is_left() -> None:
    assert len(read([line(), line()[:20]])) == 1


@pytest.mark.parametrize("other", [b"x\n", b"[]\n", b"{}\n"])
def test_another_file_is_refused(other: bytes) -> None:
    with pytest.raises(UsageError, match="line 2 is none that --step-trace wrote"):
        read([line(), other])


def test_steady_steps_have_all_streams_and_no_prompt() -> None:
    steps = read([line(2), line(1), line(2, prompts=1), line(2)])
    assert len(steady(steps, 2)) == 2


def test_what_parts_take_is_of_all_steps() -> None:
    found = {part.name: part for part in parts(read([line(), line(factor=3)]))}
    assert "messages" not in found  # it took nothing
    admit = found["admit"]
    assert (admit.mean_us, admit.p50_us, admit.row_us) == (2.0, 2.0, 1.0)
    assert sum(part.percent for part in found.values()) == pytest.approx(100)


def test_perfetto_gets_parts_within_steps() -> None:
    events = json.loads(chrome(read([line(at_us=100)])))["traceEvents"]
    step, *within = events
    assert (step["name"], step["ts"], step["dur"]) == ("step", 100, sum(TIMES))
    ends = [event["ts"] + event["dur"] for event in within]
    assert [event["ts"] for event in within[1:]] == ends[:-1]
    assert ends[-1] == step["ts"] + step["dur"]


def test_bars_are_as_long_as_the_parts_take() -> None:
    profile = Profile("2 streams", tuple(parts(read([line()]))))
    root = ET.fromstring(render(draw([profile])))
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert f"2 streams: {sum(TIMES):g} us a step" in texts
    assert f"2 streams: {sum(TIMES) - TIMES[Part.DECODE]:g} us a step" in texts


def test_threads_are_told_by_what_they_are_for() -> None:
    before = {(1, 1, "python"): 1.0, (1, 2, "engine"): 2.0}
    after = {(1, 1, "python"): 1.5, (1, 2, "engine"): 4.0, (1, 3, "engine"): 1.0, (1, 4, "x"): 0.5}
    assert used(before, after) == {"HTTP": 0.5, "engine and ggml": 3.0, "others": 0.5}


@pytest.mark.model
def test_a_server_is_started_and_its_steps_are_shown(tmp_path: Path) -> None:
    model = build_tiny_model(tmp_path / "tiny.gguf")
    plot, trace = tmp_path / "bars.svg", tmp_path / "steps.json"
    result = CliRunner().invoke(
        main,
        [
            *("--model", str(model), "--options", "-np 2 -c 1024 -t 1", "--streams", "2"),
            *("--words", "2", "--tokens", "64", "-n", "1"),
            *("--plot", str(plot), "--chrome", str(trace)),
        ],
    )
    assert result.exit_code == 0, result.output
    assert "sample    tokens out of logits" in result.stdout
    assert "steps of 2.0 rows" in result.stdout
    assert "Processor time a token in us, prompts included: HTTP" in result.stdout
    assert json.loads(trace.read_bytes())["traceEvents"]
    assert ET.parse(plot).getroot().attrib["role"] == "img"


def test_a_trace_of_another_server_is_shown_as_markdown(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    path.write_bytes(line() + line(1))
    result = CliRunner().invoke(main, ["--from", str(path), "--markdown"])
    assert result.exit_code == 0, result.output
    assert "| decode | libllama | 5.0 |" in result.stdout
    assert "2 steps of 1.5 rows" in result.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--from", "/no/file"], "--from /no/file: No such file"),
        (["--from", "/dev/null"], "--from /dev/null: it holds no step"),
        (["--streams", "x", "--model", __file__], "--streams x: expected whole numbers"),
        (["--streams", "0", "--model", __file__], "--streams 0: expected positive numbers"),
        (["--model", "/no.gguf"], "--model /no.gguf: no such file"),
    ],
)
def test_wrong_command_line_is_one_line(words: list[str], complaint: str) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert complaint in result.stderr
    assert len(result.stderr.splitlines()) == 1
