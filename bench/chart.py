"""Charts of measured points: curves over one axis, several panels in a picture. It knows no server.

An axis is logarithmic where its values span more than a decade; a zero is shown at its lower end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass

from bench.picture import COLOURS
from bench.picture import GRID
from bench.picture import Anchor
from bench.picture import Box
from bench.picture import Curve
from bench.picture import Line
from bench.picture import Picture
from bench.picture import Shape
from bench.picture import Style
from bench.picture import Text
from bench.stats import Spread
from bench.summary import number

WIDTH, HEIGHT, COLUMNS = 380, 270, 2
LEFT, RIGHT, TOP, BOTTOM = 62, 24, 46, 44
LEGEND = 34
WIDE = 10.0  # above this ratio of the ends an axis is logarithmic
MARK = 5.0
ROUNDING = 1e-9
LEAST = 1e-9  # what is smaller is zero
STEPS = (1, 2, 2.5, 5, 10)
N_TICKS = 5
MOST_TICKS = 10  # numbers that fit under a panel

Place = Callable[[float, float], tuple[float, float]]
"""From what was measured to points of the picture."""


@dataclass(frozen=True, slots=True)
class Series:
    """One curve; points in the order of x, with the spread of the rounds."""

    name: str
    points: tuple[tuple[float, Spread], ...]
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """One panel."""

    title: str
    subtitle: str  # what y is, and its unit
    x_label: str
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to places."""

    low: float
    high: float
    is_log: bool
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """0 at the lower end, 1 at the upper."""
        if not self.is_log:
            return (value - self.low) / (self.high - self.low)
        low, high = math.log(self.low), math.log(self.high)
        return (math.log(max(value, self.low)) - low) / (high - low)


def axis(values: Sequence[float], *, from_zero: bool) -> Axis:
    """An axis that holds the values, none of them negative; from_zero: of heights."""
    values = [value if value > LEAST else 0.0 for value in values]
    positive = [value for value in values if value]
    if positive and max(positive) / min(positive) > WIDE:
        return _logarithmic(min(positive), max(positive))
    low, high = (0.0 if from_zero else min(values)), max(values)
    if high <= low:
        low, high = 0.0, high or 1.0
    step = _step((high - low) / N_TICKS)
    first, last = math.floor(low / step), math.ceil(high / step)
    ticks = tuple(i * step for i in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], False, ticks)


def measured(values: Sequence[float]) -> Axis:
    """An axis whose ticks are the values themselves, where those are few."""
    along, distinct = axis(values, from_zero=False), tuple(sorted(set(values)))
    if not 2 <= len(distinct) <= MOST_TICKS or (along.is_log and distinct[0] <= 0):
        return along
    return Axis(distinct[0], distinct[-1], along.is_log, distinct)


def _logarithmic(low: float, high: float) -> Axis:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if last - first < 3 else (1,)
    ticks = [factor * 10.0**decade for decade in range(first, last + 1) for factor in factors]
    above = min(tick for tick in ticks if tick >= high * (1 - ROUNDING))
    below = max(tick for tick in ticks if tick <= low * (1 + ROUNDING))
    kept = tuple(tick for tick in ticks if below <= tick <= above)
    return Axis(below, above, True, kept)


def _step(least: float) -> float:
    decade = 10.0 ** math.floor(math.log10(least))
    return next(step * decade for step in STEPS if step * decade >= least * (1 - ROUNDING))


def draw(title: str, charts: Sequence[Chart]) -> Picture:
    """All charts in one picture; a name has the same colour in each."""
    names = list(dict.fromkeys(series.name for chart in charts for series in chart.series))
    colours = dict(zip(names, COLOURS, strict=False))
    columns = min(COLUMNS, max(1, len(charts)))
    rows = max(1, math.ceil(len(charts) / columns))
    picture = Picture(max(columns, COLUMNS) * WIDTH, LEGEND + rows * HEIGHT, title)
    x = float(LEFT)
    for name in names:
        picture.shapes += [Box(x, 14, 18, 4, colours.get(name, GRID)), Text(x + 24, 20, name)]
        x += 50 + 7 * len(name)
    for i, chart in enumerate(charts):
        row, column = divmod(i, columns)
        picture.shapes += _panel(chart, column * WIDTH, LEGEND + row * HEIGHT, colours)
    if not charts:
        picture.shapes.append(Text(LEFT, LEGEND + TOP, "there is nothing to draw"))
    return picture


def _panel(chart: Chart, x: float, y: float, colours: dict[str, str]) -> list[Shape]:
    points = [point for series in chart.series for point in series.points]
    across = measured([at for at, _ in points])
    up = axis([end for _, at in points for end in (at.low, at.median, at.high)], from_zero=True)
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(at: float, value: float) -> tuple[float, float]:
        left = x + LEFT + inner_width * across.share(at)
        return left, y + HEIGHT - BOTTOM - inner_height * up.share(value)

    shapes: list[Shape] = [
        Text(x + LEFT, y + 18, chart.title, Style.TITLE),
        Text(x + LEFT, y + 34, chart.subtitle, Style.SMALL),
        Text(
            x + LEFT + inner_width / 2, y + HEIGHT - 10, chart.x_label, Style.SMALL, Anchor.MIDDLE
        ),
    ]
    for tick in up.ticks:
        (left, height), (right, _) = place(across.low, tick), place(across.high, tick)
        shapes.append(Line(left, height, right, height))
        shapes.append(Text(left - 6, height + 4, _label(tick), Style.SMALL, Anchor.END))
    for tick in _thinned(across):
        (at, bottom), (_, top) = place(tick, up.low), place(tick, up.high)
        shapes.append(Line(at, bottom, at, top))
        shapes.append(Text(at, bottom + 16, _label(tick), Style.SMALL, Anchor.MIDDLE))
    for series in chart.series:
        shapes += _curve(series, place, colours.get(series.name, GRID))
    return shapes


def _curve(series: Series, place: Place, colour: str) -> list[Shape]:
    shapes: list[Shape] = []
    for at, value in series.points:
        if value.low != value.high:
            shapes.append(Curve((place(at, value.low), place(at, value.high)), colour))
        left, height = place(at, value.median)
        shapes.append(Box(left - MARK / 2, height - MARK / 2, MARK, MARK, colour))
    middle = tuple(place(at, value.median) for at, value in series.points)
    if len(middle) > 1:
        shapes.append(Curve(middle, colour, series.is_dashed))
    return shapes


def _thinned(along: Axis) -> tuple[float, ...]:
    return along.ticks[:: math.ceil(len(along.ticks) / MOST_TICKS)]


def _label(value: float) -> str:
    if value >= 1000 and value % 500 == 0:
        return f"{value / 1000:g}k"
    return f"{value:g}" if abs(value) < 1e6 else number(value)
