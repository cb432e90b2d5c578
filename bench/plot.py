"""The gaps between tokens as a picture: one panel a scenario, one curve a server.

A curve says which share of the gaps is below a time. The share's axis stretches its end (50, 90,
99, 99.9 %), where what a user feels as stutter is; the time's axis is logarithmic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.picture import COLOURS
from bench.picture import Anchor
from bench.picture import Box
from bench.picture import Curve
from bench.picture import Line
from bench.picture import Picture
from bench.picture import Shape
from bench.picture import Style
from bench.picture import Text
from bench.report import Report
from bench.scenario import TOKENS_PER_S
from bench.stats import percentile
from bench.summary import number

PANEL_WIDTH, PANEL_HEIGHT, COLUMNS = 380, 270, 2
LEFT, RIGHT, TOP, BOTTOM = 58, 24, 46, 36
LEGEND_HEIGHT = 34
SHARES = (0.0, 50.0, 90.0, 99.0, 99.9)
LEAST_MS = 0.01  # a logarithmic axis has no zero: pieces that came in one read


@dataclass(frozen=True, slots=True)
class Panel:
    """One scenario's gaps, by server, and where they are drawn."""

    scenario: str
    gaps_ms: tuple[tuple[float, ...], ...]
    rates: tuple[str, ...]
    x: float
    y: float

    @property
    def decades(self) -> tuple[int, int]:
        """The powers of ten, in ms, that the time's axis begins and ends with."""
        every = [max(gap, LEAST_MS) for gaps in self.gaps_ms for gap in gaps]
        low, high = math.floor(math.log10(min(every))), math.ceil(math.log10(max(every)))
        return low, max(high, low + 1)

    def across(self, share: float) -> float:
        """Where a share of the gaps, in percent, lies."""
        last = _stretch(SHARES[-1])
        inner = PANEL_WIDTH - LEFT - RIGHT
        return self.x + LEFT + inner * min(_stretch(share), last) / last

    def up(self, gap_ms: float) -> float:
        """Where a gap lies."""
        low, high = self.decades
        inner = PANEL_HEIGHT - TOP - BOTTOM
        place = (math.log10(max(gap_ms, LEAST_MS)) - low) / (high - low)
        return self.y + PANEL_HEIGHT - BOTTOM - inner * place


def draw(report: Report) -> Picture:
    """The whole picture; scenarios without gaps are left out."""
    panels = _panels(report)
    rows = math.ceil(len(panels) / COLUMNS)
    height = LEGEND_HEIGHT + max(rows, 1) * PANEL_HEIGHT
    picture = Picture(COLUMNS * PANEL_WIDTH, height, "Gaps between tokens")
    picture.shapes += legend([server.name for server in report.servers])
    for panel in panels:
        picture.shapes += [*_axes(panel), *_curves(panel)]
    if not panels:
        nothing = "no scenario of this run streams text"
        picture.shapes.append(Text(LEFT, LEGEND_HEIGHT + TOP, nothing))
    return picture


def legend(names: Sequence[str]) -> list[Shape]:
    """The names beside their colours, in one line at the top."""
    shapes: list[Shape] = []
    x = float(LEFT)
    for name, colour in zip(names, COLOURS, strict=False):
        shapes += [Box(x, 14, 18, 4, colour), Text(x + 24, 20, name)]
        x += 50 + 7 * len(name)
    return shapes


def _stretch(share: float) -> float:
    """0, 1, 2, 3 for 0, 90, 99, 99.9 percent."""
    return -math.log10(max(1 - share / 100, 1e-9))


def _panels(report: Report) -> list[Panel]:
    panels: list[Panel] = []
    for scenario in report.scenarios():
        gaps, rates = [], []
        for server in report.servers:
            turns = report.turns_of(scenario, server.name)
            gaps.append(tuple(gap for turn in turns for gap in turn.gaps_ms))
            rates.append(_rate(report.values(scenario, TOKENS_PER_S, server.name)))
        if any(gaps):
            row, column = divmod(len(panels), COLUMNS)
            x, y = column * PANEL_WIDTH, LEGEND_HEIGHT + row * PANEL_HEIGHT
            panels.append(Panel(scenario, tuple(gaps), tuple(rates), x, y))
    return panels


def _rate(values: Sequence[float]) -> str:
    known = [value for value in values if not math.isnan(value)]
    return number(median(known)) if known else ""


def _axes(panel: Panel) -> list[Shape]:
    left, right = panel.across(0), panel.across(SHARES[-1])
    low, high = panel.decades
    bottom, top = panel.up(10.0**low), panel.up(10.0**high)
    rates = " / ".join(filter(None, panel.rates))
    subtitle = "gap in ms, by share of gaps" + (f"; {rates} tok/s" if rates else "")
    shapes: list[Shape] = [
        Text(left, panel.y + 18, panel.scenario, Style.TITLE),
        Text(left, panel.y + 34, subtitle, Style.SMALL),
    ]
    for decade in range(low, high + 1):
        y = panel.up(10.0**decade)
        shapes.append(Line(left, y, right, y))
        shapes.append(Text(left - 6, y + 4, f"{10.0**decade:g}", Style.SMALL, Anchor.END))
    for share in SHARES:
        x = panel.across(share)
        shapes.append(Line(x, bottom, x, top))
        shapes.append(Text(x, bottom + 16, f"{share:g}%", Style.SMALL, Anchor.MIDDLE))
    return shapes


def _curves(panel: Panel) -> list[Shape]:
    shapes: list[Shape] = []
    for gaps, colour in zip(panel.gaps_ms, COLOURS, strict=False):
        if gaps:
            points = tuple(
                (panel.across(share), panel.up(percentile(gaps, share)))
                for share in _curve_shares()
            )
            shapes.append(Curve(points, colour))
    return shapes


def _curve_shares(steps: int = 120) -> list[float]:
    """Shares that are evenly spaced on their axis."""
    last = _stretch(SHARES[-1])
    return [100 * (1 - 10 ** -(last * i / steps)) for i in range(steps + 1)]
