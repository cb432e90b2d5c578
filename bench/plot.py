"""The gaps between tokens as an SVG: one panel a scenario, one curve a server.

A curve says which share of the gaps is below a time. The share's axis stretches its end (50, 90,
99, 99.9 %), where what a user feels as stutter is; the time's axis is logarithmic. Written by hand,
as a plotting library would be the package's largest dependency.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from statistics import median

from bench.report import Report
from bench.scenario import TOKENS_PER_S
from bench.stats import percentile
from bench.summary import number

PANEL_WIDTH, PANEL_HEIGHT, COLUMNS = 380, 270, 2
LEFT, RIGHT, TOP, BOTTOM = 58, 24, 46, 36
LEGEND_HEIGHT = 34
COLOURS = ("#1f6fb4", "#d9730d")
SHARES = (0.0, 50.0, 90.0, 99.0, 99.9)
LEAST_MS = 0.01  # a logarithmic axis has no zero: pieces that came in one read
STYLE = (
    "text{fill:#222}.small{font-size:11px;fill:#555}"
    ".title{font-weight:600;font-size:13px}line{stroke:#ddd}polyline{fill:none;stroke-width:2}"
)


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


def draw(report: Report) -> str:
    """The whole picture; scenarios without gaps are left out."""
    panels = _panels(report)
    rows = math.ceil(len(panels) / COLUMNS)
    width, height = COLUMNS * PANEL_WIDTH, LEGEND_HEIGHT + max(rows, 1) * PANEL_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" font-family="sans-serif" font-size="12">',
        "<title>Gaps between tokens</title>",
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
        *_legend([server.name for server in report.servers]),
    ]
    for panel in panels:
        parts += [*_axes(panel), *_curves(panel)]
    if not panels:
        parts.append(_text(LEFT, LEGEND_HEIGHT + TOP, "no scenario of this run streams text"))
    return "\n".join([*parts, "</svg>"]) + "\n"


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


def _legend(names: list[str]) -> list[str]:
    parts, x = [], float(LEFT)
    for name, colour in zip(names, COLOURS, strict=False):
        parts.append(f'<rect x="{x:g}" y="14" width="18" height="4" fill="{colour}"/>')
        parts.append(_text(x + 24, 20, name))
        x += 50 + 7 * len(name)
    return parts


def _axes(panel: Panel) -> list[str]:
    left, right = panel.across(0), panel.across(SHARES[-1])
    low, high = panel.decades
    bottom, top = panel.up(10.0**low), panel.up(10.0**high)
    rates = " / ".join(filter(None, panel.rates))
    subtitle = "gap in ms, by share of gaps" + (f"; {rates} tok/s" if rates else "")
    parts = [
        _text(left, panel.y + 18, panel.scenario, "title"),
        _text(left, panel.y + 34, subtitle, "small"),
    ]
    for decade in range(low, high + 1):
        y = panel.up(10.0**decade)
        parts.append(f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(left - 6, y + 4, f"{10.0**decade:g}", "small", "end"))
    for share in SHARES:
        x = panel.across(share)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{bottom:.1f}" y2="{top:.1f}"/>')
        parts.append(_text(x, bottom + 16, f"{share:g}%", "small", "middle"))
    return parts


def _curves(panel: Panel) -> list[str]:
    parts = []
    for gaps, colour in zip(panel.gaps_ms, COLOURS, strict=False):
        if gaps:
            points = " ".join(
                f"{panel.across(share):.1f},{panel.up(percentile(gaps, share)):.1f}"
                for share in _curve_shares()
            )
            parts.append(f'<polyline stroke="{colour}" points="{points}"/>')
    return parts


def _curve_shares(steps: int = 120) -> list[float]:
    """Shares that are evenly spaced on their axis."""
    last = _stretch(SHARES[-1])
    return [100 * (1 - 10 ** -(last * i / steps)) for i in range(steps + 1)]


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    attributes = f' class="{style}"' * bool(style) + f' text-anchor="{anchor}"' * (
        anchor != "start"
    )
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(text)}</text>'
