"""A picture as a list of shapes, in points from the upper left corner. Forms of files draw it."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from enum import Enum
from pathlib import Path

COLOURS = ("#1f6fb4", "#d9730d", "#2f8f4e", "#8a4fbf", "#b8323c", "#6b6b6b")
GRID = "#dddddd"


class Style(Enum):
    """How a text looks."""

    PLAIN = "plain"
    SMALL = "small"
    TITLE = "title"


class Anchor(Enum):
    """Which end of a text its place is."""

    START = "start"
    MIDDLE = "middle"
    END = "end"


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text; y is its baseline."""

    x: float
    y: float
    text: str
    style: Style = Style.PLAIN
    anchor: Anchor = Anchor.START


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a grid."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through points; dashed where it is no measurement of a server."""

    points: tuple[tuple[float, float], ...]
    colour: str
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    colour: str


Shape = Text | Line | Curve | Box


@dataclass(slots=True)
class Picture:
    """What is drawn, in the order of the list."""

    width: float
    height: float
    title: str
    shapes: list[Shape] = field(default_factory=list)


def save(picture: Picture, path: Path) -> None:
    """Write a file; PNG where its name says so, else SVG. UsageError if PNG cannot be drawn."""
    if path.suffix.lower() == ".png":
        from bench import png  # its library is wanted by nothing else

        path.write_bytes(png.render(picture))
    else:
        from bench import svg

        path.write_text(svg.render(picture), encoding="utf-8")
