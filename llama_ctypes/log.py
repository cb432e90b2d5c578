"""Where the log of libllama, ggml and libmtmd goes: whole lines, to one sink.

C calls back on whatever thread logs, ggml's own threads included, and while it holds the GIL. The
default sink is stdlib `logging`, logger "llama". A process that gevent has patched must set another
sink: `logging` takes patched locks there, which native threads must not touch. Such a sink may only
append to a `collections.deque` or the like, and let another thread do the rest.
"""

from __future__ import annotations

import atexit
import logging
import re
from collections import deque
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from llama_ctypes.raw import mtmd_helper
from llama_ctypes.raw import system
from llama_ctypes.raw.ggml import ggml_log_callback
from llama_ctypes.raw.ggml import ggml_log_level

Sink = Callable[[int, str], None]

_LEVELS: dict[int, int] = {
    ggml_log_level.GGML_LOG_LEVEL_NONE: logging.INFO,
    ggml_log_level.GGML_LOG_LEVEL_DEBUG: logging.DEBUG,
    ggml_log_level.GGML_LOG_LEVEL_INFO: logging.INFO,
    ggml_log_level.GGML_LOG_LEVEL_WARN: logging.WARNING,
    ggml_log_level.GGML_LOG_LEVEL_ERROR: logging.ERROR,
}
_KEPT_ERRORS = 32
# "llama_model_load: error loading model: llama_model_loader: ..." -> the last part
_PREFIXES = re.compile(r"^(?:[a-z_0-9]+: )?(?:error loading model: )?(?:[a-z_0-9]+: )?")


class _Log:
    """Joins pieces to lines, hands them to the sink, and remembers the latest errors."""

    def __init__(self) -> None:
        self.sink: Sink = to_logging
        self.n_errors = 0
        self.errors: deque[tuple[int, str]] = deque(maxlen=_KEPT_ERRORS)
        self._level = logging.INFO
        self._line = ""
        # ctypes frees the thunk with this object, so it lives as long as C may call it.
        self.callback = ggml_log_callback(self.receive)

    def receive(self, level: int, text: bytes | None, user_data: Any) -> None:
        """Take one piece from C. It must not raise: ctypes can only print what escapes."""
        if level != ggml_log_level.GGML_LOG_LEVEL_CONT:
            self.flush()
            self._level = _LEVELS.get(level, logging.INFO)
        *lines, self._line = (self._line + (text or b"").decode("utf-8", "replace")).split("\n")
        for line in lines:
            self.emit(line)

    def flush(self) -> None:
        """End a line that C left open."""
        if self._line:
            line, self._line = self._line, ""
            self.emit(line)

    def emit(self, line: str) -> None:
        """Pass one line on."""
        line = line.rstrip()
        if not line:
            return
        if self._level >= logging.ERROR:
            self.n_errors += 1
            self.errors.append((self.n_errors, line))
        self.sink(self._level, line)


def to_logging(level: int, line: str) -> None:
    """The default sink: logger "llama"."""
    logging.getLogger("llama").log(level, "%s", line)


def set_sink(sink: Sink | None) -> None:
    """Send the log to `sink(level, line)`, with the levels of `logging`; None: the default sink.

    `sink` is called on any thread, one line a call, and must return quickly without raising.
    """
    _LOG.sink = sink or to_logging
    install()


def write(level: int, line: str) -> None:
    """Put a line of one's own into the log, where the libraries' lines go."""
    _LOG.sink(level, line)


@contextmanager
def quiet() -> Iterator[None]:
    """Meanwhile, every line counts as debugging; errors are still remembered."""
    sink = _LOG.sink
    _LOG.sink = partial(_lower, sink)
    try:
        yield
    finally:
        _LOG.sink = sink


def _lower(sink: Sink, level: int, line: str) -> None:
    sink(logging.DEBUG, line)


def install() -> None:
    """Take over the log of the native libraries. Loads them; done when the first object is made."""
    system.llama_log_set(_LOG.callback, None)
    mtmd_helper.mtmd_helper_log_set(_LOG.callback, None)
    # Static destructors of GPU backends log after Python is gone.
    atexit.unregister(_uninstall)
    atexit.register(_uninstall)


def mark() -> int:
    """A point in the log, for `errors_since`."""
    return _LOG.n_errors


def errors_since(point: int) -> list[str]:
    """The error lines after `point`, at most the latest 32, without C's function names."""
    _LOG.flush()
    return [_PREFIXES.sub("", line) for n, line in list(_LOG.errors) if n > point]


def explain(what: str, point: int) -> str:
    """`what`, and the first error after `point` as the reason."""
    errors = errors_since(point)
    return f"{what}: {errors[0]}" if errors else what


def _uninstall() -> None:
    system.llama_log_set(ggml_log_callback(), None)
    mtmd_helper.mtmd_helper_log_set(ggml_log_callback(), None)


_LOG = _Log()
