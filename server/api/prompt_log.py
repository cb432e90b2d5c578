"""`--log-prompts-dir`: every prompt in a file of its own, to look for errors in what clients send.

Nothing else writes prompts down. Answers to path_prompts_log_dir of llama.cpp
`tools/server/server-context.cpp`.
"""

from __future__ import annotations

import itertools
import logging
import time
from pathlib import Path

import orjson

from server.api.blocking import run_blocking
from server.errors import OptionError

FLAG = "--log-prompts-dir"

log = logging.getLogger(__name__)


class PromptLog:
    """The directory of the prompts. Any thread or greenlet."""

    def __init__(self, folder: str) -> None:
        """folder: '' = nothing is written. OptionError if it can't be had."""
        self._folder = Path(folder) if folder else None
        self._numbers = itertools.count()
        if self._folder is not None:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise OptionError(f"{FLAG}: can't make {folder}: {error.strerror}") from None

    def write(self, prompt: object) -> None:
        """Write a prompt: a text as it is, anything else as JSON."""
        folder = self._folder
        if folder is None:
            return
        data = prompt.encode() if isinstance(prompt, str) else _json(prompt)
        # milliseconds alone would let two prompts of one moment share a file
        path = folder / f"{time.time_ns() // 1_000_000}-{next(self._numbers)}.txt"
        try:
            run_blocking(lambda: path.write_bytes(data))
        except OSError as error:
            log.error("%s: can't write %s: %s", FLAG, path, error.strerror)


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)
