"""What is running now, on stderr: one line that changes on a terminal, a line a turn elsewhere."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from dataclasses import field
from typing import TextIO

CLEAR_LINE = "\r\x1b[K"


@dataclass(slots=True)
class Progress:
    """Turns that are done, of all."""

    out: TextIO
    n_turns: int
    n_done: int = 0
    _start_s: float = field(default_factory=time.monotonic)

    def begin(self, scenario: str, server: str, round_index: int) -> None:
        """A turn begins."""
        self.show(f"{scenario}, {server}, round {round_index + 1}")

    def show(self, what: str) -> None:
        """Say what is being done."""
        elapsed_s = time.monotonic() - self._start_s
        line = f"[{self.n_done + 1}/{self.n_turns}] {elapsed_s:4.0f} s  {what}"
        if self.out.isatty():
            width = shutil.get_terminal_size().columns - 1
            self.out.write(CLEAR_LINE + line[:width])
        else:
            self.out.write(line + "\n")
        self.out.flush()

    def done(self) -> None:
        """A turn has ended."""
        self.n_done += 1

    def close(self) -> None:
        """Leave an empty line behind on a terminal."""
        if self.out.isatty():
            self.out.write(CLEAR_LINE)
            self.out.flush()
