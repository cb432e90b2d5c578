"""A picture as PNG, by Pillow, with the font that Pillow brings."""

from __future__ import annotations

from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.picture import GRID
from bench.picture import Anchor
from bench.picture import Box
from bench.picture import Curve
from bench.picture import Line
from bench.picture import Picture
from bench.picture import Shape
from bench.picture import Style
from bench.picture import Text

if TYPE_CHECKING:
    from PIL import ImageDraw

DENSITY = 2  # pixels a point
FINER = 2  # drawn so much larger, and made smaller: smooth edges
SCALE = DENSITY * FINER
INK, PALE = "#222222", "#555555"
SIZES = {Style.PLAIN: (12, INK), Style.SMALL: (11, PALE), Style.TITLE: (13, INK)}
ANCHORS = {Anchor.START: "ls", Anchor.MIDDLE: "ms", Anchor.END: "rs"}
DASH, PAUSE = 5, 4


def render(picture: Picture) -> bytes:
    """The file's bytes; UsageError without Pillow."""
    try:
        from PIL import Image
        from PIL import ImageDraw
    except ImportError as error:
        raise UsageError("a PNG needs Pillow: pip install pillow, or name an .svg") from error
    width, height = round(picture.width), round(picture.height)
    large = Image.new("RGB", (width * SCALE, height * SCALE), "#ffffff")
    draw = ImageDraw.Draw(large)
    for shape in picture.shapes:
        _draw(draw, shape)
    small = large.resize((width * DENSITY, height * DENSITY), Image.Resampling.LANCZOS)
    out = BytesIO()
    small.quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


def _draw(draw: ImageDraw.ImageDraw, shape: Shape) -> None:
    from PIL import ImageFont

    match shape:
        case Text(x, y, text, style, anchor):
            size, colour = SIZES[style]
            font = ImageFont.load_default(size * SCALE)
            draw.text((x * SCALE, y * SCALE), text, colour, font, ANCHORS[anchor])
        case Line(x1, y1, x2, y2):
            draw.line((x1 * SCALE, y1 * SCALE, x2 * SCALE, y2 * SCALE), GRID, SCALE)
        case Curve(points, colour, is_dashed):
            for piece in _dashes(points) if is_dashed else [points]:
                places = [(x * SCALE, y * SCALE) for x, y in piece]
                draw.line(places, colour, 2 * SCALE, joint="curve")
        case Box(x, y, width, height, colour):
            right, bottom = (x + width) * SCALE - 1, (y + height) * SCALE - 1
            if right >= x * SCALE and bottom >= y * SCALE:
                draw.rectangle((x * SCALE, y * SCALE, right, bottom), colour)


def _dashes(points: tuple[tuple[float, float], ...]) -> list[tuple[tuple[float, float], ...]]:
    """Each part of the line in short ones."""
    pieces: list[tuple[tuple[float, float], ...]] = []
    for (x1, y1), (x2, y2) in pairwise(points):
        length = max(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 1e-9)
        at = 0.0
        while at < length:
            a, b = at / length, min(at + DASH, length) / length
            begin = (x1 + (x2 - x1) * a, y1 + (y2 - y1) * a)
            end = (x1 + (x2 - x1) * b, y1 + (y2 - y1) * b)
            pieces.append((begin, end))
            at += DASH + PAUSE
    return pieces
