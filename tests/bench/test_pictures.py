"""Charts of sweeps, and the two forms of files."""

from __future__ import annotations

import builtins
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.chart import Chart
from bench.chart import Series
from bench.chart import axis
from bench.chart import draw
from bench.curves import is_swept
from bench.curves import load_picture
from bench.errors import UsageError
from bench.machine import Machine
from bench.picture import Box
from bench.picture import Curve
from bench.picture import Picture
from bench.picture import save
from bench.report import Report
from bench.report import ServerFacts
from bench.report import Turn
from bench.stats import Spread
from bench.svg import render

MACHINE = Machine("Toaster", 2, 2048, 0.1, "Linux 1 x", "3.12.0")


def swept_report(servers: Sequence[str] = ("ours", "theirs")) -> Report:
    """Latency that grows with the streams; the second server is twice as slow."""
    turns = [
        Turn(
            "parallel",
            "",
            server,
            round_index,
            {"gap_p99_ms": float(streams * factor + round_index), "tok_s": 10.0},
            swept=f"streams={streams}",
        )
        for factor, server in enumerate(servers, 1)
        for streams in (16, 4, 1)
        for round_index in (0, 1)
    ]
    return Report(MACHINE, [ServerFacts(name, "http://a") for name in servers], turns)


def one_chart(values: Sequence[float]) -> Chart:
    points = tuple((float(i), Spread(value, value, value, 1)) for i, value in enumerate(values))
    return Chart("title", "subtitle", "x", (Series("a", points),))


def test_a_sweep_is_a_curve_for_each_server_and_figure() -> None:
    picture = load_picture(swept_report())
    texts = {shape.text for shape in picture.shapes if hasattr(shape, "text")}
    assert {"gap p99, ms", "tokens generated, tok/s", "streams", "ours", "theirs"} <= texts
    lines = [s for s in picture.shapes if isinstance(s, Curve) and len(s.points) == 3]
    assert len(lines) == 4
    for line in lines:
        assert [x for x, _ in line.points] == sorted(x for x, _ in line.points)


def test_spread_of_rounds_is_a_stroke_through_the_point() -> None:
    strokes = [
        s
        for s in load_picture(swept_report(["a"])).shapes
        if isinstance(s, Curve) and len(s.points) == 2
    ]
    assert len(strokes) == 3  # tokens/s are the same in both rounds
    assert all(first[0] == last[0] for first, last in (stroke.points for stroke in strokes))


def test_a_report_without_sweep_has_no_such_chart() -> None:
    report = swept_report()
    assert is_swept(report)
    assert not is_swept(Report(MACHINE, report.servers, [Turn("single", "", "ours", 0)]))


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=9))
def test_points_lie_within_their_panel(values: list[float]) -> None:
    picture = draw("", [one_chart(values)])
    for shape in picture.shapes:
        places = shape.points if isinstance(shape, Curve) else ()
        if isinstance(shape, Box):
            places = ((shape.x, shape.y),)
        assert all(0 <= x <= picture.width and 0 <= y <= picture.height for x, y in places)


@given(st.lists(st.floats(1e-3, 1e6), min_size=2, max_size=5))
def test_an_axis_holds_its_values_between_ticks(values: list[float]) -> None:
    along = axis(values, from_zero=True)
    assert all(-1e-6 <= along.share(value) <= 1 + 1e-6 for value in values)
    assert list(along.ticks) == sorted(along.ticks)
    assert len(along.ticks) >= 2


def test_a_wide_axis_is_logarithmic() -> None:
    assert axis([1, 4000], from_zero=False).is_log
    assert not axis([5, 20], from_zero=True).is_log


def test_files_are_what_their_names_say(tmp_path: Path) -> None:
    from PIL import Image

    picture = load_picture(swept_report())
    save(picture, tmp_path / "a.svg")
    save(picture, tmp_path / "a.PNG")
    assert ET.parse(tmp_path / "a.svg").getroot().attrib["role"] == "img"
    with Image.open(BytesIO((tmp_path / "a.PNG").read_bytes())) as image:
        assert (image.format, image.width) == ("PNG", 2 * picture.width)
        assert len(image.getcolors() or ()) > 8  # it is not blank


def test_png_without_pillow_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "PIL":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"a PNG needs Pillow: pip install pillow"):
        save(Picture(10, 10, ""), tmp_path / "a.png")


def test_nothing_is_said_to_be_nothing() -> None:
    assert "there is nothing to draw" in render(draw("", []))
