"""From turns to the rows of a table: medians, spreads and ratios. It knows no layout."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.report import Report
from bench.rounds import CPU
from bench.rounds import PEAK_RSS
from bench.scenario import Better
from bench.scenario import Metric
from bench.scenarios import find
from bench.stats import Spread
from bench.stats import ratio
from bench.stats import spread

ARROWS = {Better.HIGHER: "↑", Better.LOWER: "↓", Better.NEITHER: ""}
ALL = "all"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one scenario."""

    scenario: str
    metric: Metric
    servers: tuple[Spread | None, ...]
    ratio: Spread | None  # first server / second, round by round; of three, too


def summarize(report: Report) -> list[Row]:
    """A row for every figure that at least one server gave."""
    rows = []
    names = [server.name for server in report.servers]
    for scenario in report.scenarios():
        for metric in (*find(scenario.partition(" ")[0]).metrics, CPU):
            values = [report.values(scenario, metric, name) for name in names]
            spreads = tuple(spread(each) for each in values)
            if any(spreads):
                is_pair = len(values) > 1 and metric.better is not Better.NEITHER
                both = ratio(values[0], values[1]) if is_pair else None
                rows.append(Row(scenario, metric, spreads, both))
    return [*rows, *_peak(report)]


def _peak(report: Report) -> list[Row]:
    """The memory after all turns: it only ever grows, so it belongs to no scenario."""
    key = PEAK_RSS.key
    found = [
        [
            turn.values[key]
            for turn in report.turns
            if turn.server == server.name and key in turn.values
        ]
        for server in report.servers
    ]
    peaks = [[max(values)] if values else [] for values in found]
    if not any(peaks):
        return []
    both = ratio(peaks[0], peaks[1]) if len(peaks) > 1 else None
    return [Row(ALL, PEAK_RSS, tuple(map(spread, peaks)), both)]


def header(report: Report) -> list[str]:
    """The names of the columns."""
    names = [server.name for server in report.servers]
    ratio_column = [f"{names[0]} / {names[1]}"] if len(names) > 1 else []
    return ["scenario", "figure", *names, *ratio_column]


def cells(row: Row) -> list[str]:
    """A row as text, in the columns of `header`."""
    unit = f", {row.metric.unit}" if row.metric.unit else ""
    figure = f"{row.metric.label}{unit} {ARROWS[row.metric.better]}".rstrip()
    columns = [row.scenario, figure, *map(_with_ends, row.servers)]
    if len(row.servers) > 1:
        columns.append(_with_ends(row.ratio))
    return columns


def notes(report: Report) -> list[str]:
    """Failures, and what else a turn has to say."""
    said = [(turn, turn.failure or turn.note) for turn in report.turns]
    return [
        f"{turn.title}, {turn.server}, round {turn.round + 1}: "
        f"{'failed: ' * bool(turn.failure)}{text}"
        for turn, text in said
        if text
    ]


def number(value: float) -> str:
    """Whole numbers as they are, others with three digits that count; no exponent."""
    if value.is_integer():
        return f"{value:,.0f}"
    leading = math.floor(math.log10(abs(float(f"{value:.3g}"))))
    return f"{value:,.{max(0, 2 - leading)}f}"


def _with_ends(values: Spread | None) -> str:
    if values is None:
        return "-"
    if values.low == values.high:
        return number(values.median)
    return f"{number(values.median)} ({number(values.low)} to {number(values.high)})"
