"""What was swept, as charts: latency and rates against the size of the load, a curve a server."""

from __future__ import annotations

from bench.chart import Chart
from bench.chart import Series
from bench.chart import draw
from bench.picture import Picture
from bench.report import Report
from bench.rounds import CPU
from bench.scenario import FIRST_P50_MS
from bench.scenario import FIRST_P99_MS
from bench.scenario import GAP_P50_MS
from bench.scenario import GAP_P99_MS
from bench.scenario import REQUESTS_PER_S
from bench.scenario import TOKENS_PER_S
from bench.scenario import WALL_S
from bench.scenario import Metric
from bench.scenarios import find
from bench.scenarios.steady import STEADY_TOKENS_PER_S
from bench.scenarios.steady import STEP_MS
from bench.stats import Spread
from bench.stats import spread

DRAWN = (
    FIRST_P50_MS,
    FIRST_P99_MS,
    GAP_P50_MS,
    GAP_P99_MS,
    TOKENS_PER_S,
    STEADY_TOKENS_PER_S,
    STEP_MS,
    WALL_S,
    REQUESTS_PER_S,
    CPU,
)
"""The figures of a sweep that are drawn, where the scenario has them."""


def is_swept(report: Report) -> bool:
    """Whether there is anything for `load_picture` to draw."""
    return any(turn.swept for turn in report.turns)


def load_picture(report: Report) -> Picture:
    """A panel for each figure of each scenario that was swept."""
    charts = []
    for name, size in _sweeps(report):
        for metric in DRAWN:
            series = [
                Series(server.name, points)
                for server in report.servers
                if (points := _points(report, name, size, metric, server.name))
            ]
            if series:
                unit = f", {metric.unit}" if metric.unit else ""
                charts.append(Chart(name, f"{metric.label}{unit}", size, tuple(series)))
    return draw("Latency against load", charts)


def _sweeps(report: Report) -> list[tuple[str, str]]:
    """Scenario and size of every sweep."""
    found = [(turn.scenario, turn.swept.partition("=")[0]) for turn in report.turns if turn.swept]
    return list(dict.fromkeys(found))


def _points(
    report: Report, scenario: str, size: str, metric: Metric, server: str
) -> tuple[tuple[float, Spread], ...]:
    if metric not in (*find(scenario).metrics, CPU):
        return ()
    points = []
    for title in report.scenarios():
        name, _, swept = title.partition(" ")
        field, _, value = swept.partition("=")
        values = spread(report.values(title, metric, server))
        if (name, field) == (scenario, size) and values is not None:
            points.append((float(value), values))
    return tuple(sorted(points, key=lambda point: point[0]))
