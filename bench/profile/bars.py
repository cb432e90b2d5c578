"""Profiles as bars: the parts of a step one after another, whole and without libllama's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.picture import Box
from bench.picture import Picture
from bench.picture import Shape
from bench.picture import Style
from bench.picture import Text
from bench.profile.trace import PARTS
from bench.profile.trace import Part
from bench.summary import number

WIDTH, LEFT, RIGHT = 760, 24, 24
BAR, GAP, TOP, LEGEND_ROW = 26, 30, 26, 18
A_ROW = 6  # names in a line of the legend
LIBRARY = "decode"
COLOURS = dict(
    zip(
        PARTS,
        (
            "#7a5195",
            "#a05d56",
            "#d0743c",
            "#e0a800",
            "#2f8f4e",
            "#c9ccd1",
            "#17807e",
            "#1f6fb4",
            "#8a4fbf",
            "#b8323c",
            "#6b6b6b",
        ),
        strict=True,
    )
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What was measured together."""

    title: str
    parts: tuple[Part, ...]


def draw(profiles: Sequence[Profile]) -> Picture:
    """Two bars for each profile; bars of a kind have one scale."""
    n_legend = -(-len(PARTS) // A_ROW)
    begin = TOP + n_legend * LEGEND_ROW
    height = begin + 2 * (len(profiles) * (BAR + GAP) + GAP)
    picture = Picture(WIDTH, height, "Where the time of a step goes")
    picture.shapes += _legend()
    y = float(begin)
    for kind, left_out in (("whole steps", ""), ("without libllama", LIBRARY)):
        kept = [
            (each.title, [part for part in each.parts if part.name != left_out])
            for each in profiles
        ]
        longest = max((sum(part.mean_us for part in parts) for _, parts in kept), default=0.0)
        picture.shapes.append(Text(LEFT, y + 14, kind, Style.TITLE))
        y += GAP
        for title, parts in kept:
            picture.shapes += _bar(title, parts, y, longest or 1.0)
            y += BAR + GAP
    return picture


def _legend() -> list[Shape]:
    shapes: list[Shape] = []
    step = (WIDTH - LEFT - RIGHT) / A_ROW
    for i, (name, colour) in enumerate(COLOURS.items()):
        row, column = divmod(i, A_ROW)
        x, y = LEFT + column * step, 12 + row * LEGEND_ROW
        shapes += [Box(x, y, 12, 10, colour), Text(x + 18, y + 9, name, Style.SMALL)]
    return shapes


def _bar(title: str, parts: Sequence[Part], y: float, longest_us: float) -> list[Shape]:
    total_us = sum(part.mean_us for part in parts)
    label = f"{title}: {number(round(total_us, 1))} us a step"
    shapes: list[Shape] = [Text(LEFT, y + 10, label, Style.SMALL)]
    x = float(LEFT)
    for part in parts:
        width = (WIDTH - LEFT - RIGHT) * part.mean_us / longest_us
        shapes.append(Box(x, y + 14, width, BAR, COLOURS[part.name]))
        x += width
    return shapes
