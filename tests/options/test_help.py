"""The text of --help."""

from __future__ import annotations

from server.options.docs import HELP_COLUMN
from server.options.docs import help_lines
from server.options.docs import spellings
from server.options.registry import OPTIONS
from server.options.registry import SECTIONS


def test_help_has_a_heading_for_each_section() -> None:
    lines = list(help_lines())
    assert [line for line in lines if line.endswith(":") and not line.startswith(" ")] == [
        f"{section.title}:" for section in SECTIONS
    ]


def test_help_names_every_flag() -> None:
    words = {word.rstrip(",") for line in help_lines() for word in line.split()}
    assert {name for row in OPTIONS for name in spellings(row)} <= words


def test_help_fits_the_width() -> None:
    too_long = [line for line in help_lines(100) if len(line) > 100]
    assert [line for line in too_long if not line.startswith("  -")] == []


def test_explanations_stand_in_one_column() -> None:
    texts = [line for line in help_lines() if line.startswith(" " * 3)]
    assert {len(line) - len(line.lstrip()) for line in texts} == {HELP_COLUMN}
