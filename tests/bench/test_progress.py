"""What is said while a run goes on."""

from __future__ import annotations

import io

from bench.progress import CLEAR_LINE
from bench.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def two_turns(out: io.StringIO) -> str:
    progress = Progress(out, 2)
    for name in "ab":
        progress.begin("single", name, 0)
        progress.done()
    progress.close()
    return out.getvalue()


def test_terminal_has_one_line_that_changes() -> None:
    said = two_turns(Terminal())
    assert "\n" not in said
    assert [part[:5] for part in said.split(CLEAR_LINE)] == ["", "[1/2]", "[2/2]", ""]


def test_file_gets_a_line_for_each_turn() -> None:
    said = two_turns(io.StringIO()).splitlines()
    assert [line.split("  ")[-1] for line in said] == ["single, a, round 1", "single, b, round 1"]
