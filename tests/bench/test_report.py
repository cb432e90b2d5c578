"""Reports: their file, their tables, their plot."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from bench.errors import UsageError
from bench.machine import Machine
from bench.plot import draw
from bench.report import Report
from bench.report import ServerFacts
from bench.report import Turn
from bench.report import read
from bench.summary import number
from bench.summary import summarize
from bench.svg import render
from bench.table import as_markdown
from bench.table import as_text

MACHINE = Machine("Toaster <9000>", 2, 2048, 0.1, "Linux 1 x", "3.12.0")
SVG = "{http://www.w3.org/2000/svg}"


def turn(server: str, round_index: int, tok_s: float, **more: float) -> Turn:
    values = {"tok_s": tok_s, "gap_p50_ms": 1000 / tok_s, **more}
    gaps = tuple(1000 / tok_s + i for i in range(20))
    return Turn("single", "words=2", server, round_index, values, gaps)


@pytest.fixture
def report() -> Report:
    """Two servers, three rounds; the machine was slower in the second."""
    facts = [ServerFacts("ours", "http://a", "llamactl serve", "b1", "m.gguf", 1.5)]
    facts.append(ServerFacts("theirs | other", "http://b"))
    turns = [
        turn("ours", 0, 200.0, peak_rss_mib=100.0),
        turn("theirs | other", 0, 100.0),
        turn("theirs | other", 1, 50.0),
        turn("ours", 1, 100.0, peak_rss_mib=120.0),
        turn("ours", 2, 210.0),
        turn("theirs | other", 2, 105.0),
    ]
    return Report(MACHINE, facts, turns)


def test_file_gives_the_same_report(report: Report) -> None:
    assert read(report.lines()) == report


def test_file_keeps_what_is_no_number(report: Report) -> None:
    report.turns[0] = replace(report.turns[0], values={"tok_s": math.nan})
    assert math.isnan(read(report.lines()).turns[0].values["tok_s"])


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"no json"],
        [b'{"kind": "server", "name": "a", "url": "b"}'],
        [b'{"kind": "machine", "toast": 2}'],
        [b"{}"],
        [b"[]"],
    ],
)
def test_other_file_is_refused(lines: list[bytes]) -> None:
    with pytest.raises(UsageError, match="--from: not a file that --save wrote"):
        read(lines)


def test_ratio_is_that_of_rounds(report: Report) -> None:
    row = summarize(report)[0]
    assert row.ratio is not None
    assert (row.ratio.median, row.ratio.low, row.ratio.high) == (2.0, 2.0, 2.0)


def test_failed_turns_give_no_figure_and_are_told(report: Report) -> None:
    report.turns = [Turn("single", "", "ours", 0, failure="no slot")]
    assert summarize(report) == []
    assert "single, ours, round 1: failed: no slot" in as_text(report)


def test_memory_is_told_once(report: Report) -> None:
    rows = [row for row in summarize(report) if row.metric.key == "peak_rss_mib"]
    assert [row.scenario for row in rows] == ["all"]
    assert rows[0].servers[0] is not None
    assert rows[0].servers[0].median == 120.0


def test_text_has_aligned_columns(report: Report) -> None:
    lines = as_text(report).splitlines()
    rule = next(i for i, line in enumerate(lines) if line.startswith("─"))
    ends = [match.end() for match in re.finditer("─+", lines[rule])]
    assert lines[rule + 1].endswith("2")
    assert len(lines[rule + 1]) == ends[-1]
    assert lines[rule + 2].startswith(" " * len("single"))


def test_text_says_where_and_what(report: Report) -> None:
    text = as_text(report)
    assert "Toaster <9000>, 2 cores, 2 GiB, load average 0.10" in text
    assert "ours: m.gguf, build b1, ready after 1.50 s, `llamactl serve`" in text
    assert "Medians of 3 rounds" in text


def test_markdown_rows_have_equal_columns(report: Report) -> None:
    rows = [line for line in as_markdown(report).splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}
    assert "200 (100 to 210)" in rows[2]


def test_one_server_has_no_ratio(report: Report) -> None:
    report.servers.pop()
    assert "/" not in as_markdown(report).split("| scenario")[1].splitlines()[0]


def test_numbers_show_three_digits() -> None:
    shown = [number(value) for value in (0.0, 0.01234, 0.9999, 1.239, 99.96, 1234.5, 12.0, -0.5)]
    assert shown == ["0", "0.0123", "1.00", "1.24", "100", "1,234", "12", "-0.500"]


def test_plot_has_a_curve_for_each_server(report: Report) -> None:
    root = ET.fromstring(render(draw(report)))
    assert len(root.findall(f"{SVG}polyline")) == 2
    texts = {text.text for text in root.findall(f"{SVG}text")}
    assert {
        "single",
        "ours",
        "theirs | other",
        "gap in ms, by share of gaps; 200 / 100 tok/s",
    } <= texts


def test_plot_stays_within_its_panel(report: Report) -> None:
    report.turns = [replace(each, gaps_ms=(0.0, 1e5)) for each in report.turns]
    root = ET.fromstring(render(draw(report)))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for line in root.findall(f"{SVG}polyline"):
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width / 2
            assert 0 <= y <= height


def test_plot_escapes_names(report: Report) -> None:
    report.servers[0] = replace(report.servers[0], name="<script>")
    assert ET.fromstring(render(draw(report))).find(f".//{SVG}script") is None


def test_plot_without_streams_says_so(report: Report) -> None:
    report.turns = [replace(each, gaps_ms=()) for each in report.turns]
    assert "no scenario of this run streams text" in render(draw(report))
