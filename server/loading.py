"""Shows on a terminal how far the model is loaded; elsewhere it shows nothing."""

from __future__ import annotations

import shutil
from types import TracebackType
from typing import TextIO

MIN_WIDTH = 20
MAX_WIDTH = 40


class LoadingBar:
    """One line that is drawn over and over, and gone in the end. A context manager."""

    def __init__(self, stream: TextIO, label: str) -> None:
        self._stream = stream
        self._label = label
        self._is_shown = stream.isatty()
        self._last = ""

    def __enter__(self) -> LoadingBar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._last:
            self._write("\r\033[K")

    def show(self, fraction: float) -> None:
        """fraction: 0 to 1."""
        if not self._is_shown:
            return
        columns = shutil.get_terminal_size().columns
        width = max(MIN_WIDTH, min(MAX_WIDTH, columns - len(self._label) - 12))
        n_full = round(width * min(max(fraction, 0.0), 1.0))
        bar = "█" * n_full + "░" * (width - n_full)
        line = f"\r\033[K{self._label} {bar} {fraction:4.0%}"
        if line != self._last:
            self._last = line
            self._write(line)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
