"""A picture as SVG."""

from __future__ import annotations

from html import escape

from bench.picture import GRID
from bench.picture import Anchor
from bench.picture import Box
from bench.picture import Curve
from bench.picture import Line
from bench.picture import Picture
from bench.picture import Shape
from bench.picture import Style
from bench.picture import Text

STYLE = (
    "text{fill:#222}.small{font-size:11px;fill:#555}.title{font-weight:600;font-size:13px}"
    f"line{{stroke:{GRID}}}polyline{{fill:none;stroke-width:2}}"
)


def render(picture: Picture) -> str:
    """The file's text."""
    width, height = f"{picture.width:g}", f"{picture.height:g}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" font-family="sans-serif" font-size="12">',
        f"<title>{escape(picture.title)}</title>",
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
        *map(_element, picture.shapes),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _element(shape: Shape) -> str:
    match shape:
        case Text(x, y, text, style, anchor):
            attributes = f' class="{style.value}"' * (style is not Style.PLAIN)
            attributes += f' text-anchor="{anchor.value}"' * (anchor is not Anchor.START)
            return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(text)}</text>'
        case Line(x1, y1, x2, y2):
            return f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'
        case Curve(points, colour, is_dashed):
            dashes = ' stroke-dasharray="5 4"' * is_dashed
            places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            return f'<polyline stroke="{colour}"{dashes} points="{places}"/>'
        case Box(x, y, width, height, colour):
            return (
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
                f'fill="{colour}"/>'
            )
