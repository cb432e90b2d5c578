"""Sets Python's logging up from the log options: levels, line form, colours, file, JSON lines.

Lines say what happened and where, never what was asked or answered, and no keys. It does not know
who logs; records of the native library and of gunicorn come through the same handlers. Answers to
llama.cpp common/log.cpp.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from contextvars import ContextVar
from typing import TextIO

from server.errors import OptionError
from server.options.feature_settings import LogSettings

OUTPUT = 60
"""The level of lines that are the program's output; they are shown without a prefix."""

TRACE = 15
"""Between information and debugging: -lv 4."""

LEVELS = (OUTPUT, logging.ERROR, logging.WARNING, logging.INFO, TRACE, logging.DEBUG)
"""The lowest level that is shown at each verbosity; beyond the last one everything is."""

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""What the request is called that is being handled; '' = none is."""

NATIVE = "llama"
"""The logger of records that come from the native library."""

_COLORS = {"E": "\033[31m", "W": "\033[35m", "D": "\033[33m", "T": "\033[36m"}
_RESET = "\033[0m"


def level_of(verbosity: int) -> int:
    """The logging level of a -lv number."""
    if verbosity < len(LEVELS):
        return LEVELS[max(verbosity, 0)]
    return 1


def letter_of(level: int) -> str:
    """The one letter that stands for a level in a line; '' for output."""
    if level >= OUTPUT:
        return ""
    names = ((logging.ERROR, "E"), (logging.WARNING, "W"), (logging.INFO, "I"), (TRACE, "T"))
    return next((letter for limit, letter in names if level >= limit), "D")


def request_id_of(record: logging.LogRecord) -> str:
    """The request that a line is about: as the line says, else the one that is being handled."""
    named: str = getattr(record, "request_id", "") or REQUEST_ID.get()
    return named


class LineFormatter(logging.Formatter):
    """12:34:56.789 I server.worker: text [request id]"""

    def __init__(self, *, prefix: bool, timestamps: bool, colors: bool) -> None:
        """prefix: level and origin; timestamps: the time of day."""
        super().__init__()
        self.prefix = prefix
        self.timestamps = timestamps
        self.colors = colors

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, without a newline at its end."""
        line = super().format(record)
        letter = letter_of(record.levelno)
        if not letter:
            return line
        if request_id := request_id_of(record):
            line = f"{line} [{request_id}]"
        if self.prefix:
            line = f"{letter} {record.name}: {line}"
        if self.timestamps:
            clock = time.strftime("%H:%M:%S", time.localtime(record.created))
            line = f"{clock}.{int(record.msecs):03d} {line}"
        color = _COLORS.get(letter, "") if self.colors else ""
        return f"{color}{line}{_RESET}" if color else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (seconds since 1970), level, origin, message.

    Of a request also request_id, and what the line has of fields.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, without a newline at its end."""
        line: dict[str, object] = {
            "time": round(record.created, 3),
            "level": letter_of(record.levelno) or "output",
            "origin": record.name,
            "message": super().format(record),
        }
        if request_id := request_id_of(record):
            line["request_id"] = request_id
        return json.dumps(line | getattr(record, "fields", {}))


def set_up(settings: LogSettings) -> None:
    """Replace the root logger's handlers by those that the settings ask for."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    logging.addLevelName(TRACE, "TRACE")
    logging.addLevelName(OUTPUT, "OUTPUT")
    # Reports of warnings.warn would go to stderr past every option.
    logging.captureWarnings(True)
    if settings.log_disable:
        root.addHandler(logging.NullHandler())
        root.setLevel(OUTPUT + 1)
        return
    level = level_of(settings.verbosity)
    root.setLevel(level)
    # libllama tells a hundred lines of every model as information: those are for -lv 4.
    native = logging.getLogger(NATIVE)
    native.setLevel(logging.WARNING if TRACE < level <= logging.WARNING else logging.NOTSET)
    root.addHandler(_stream_handler(settings))
    if settings.log_file:
        root.addHandler(_file_handler(settings))


def reopen_files() -> None:
    """Open log files anew, so that one that was moved away is not written to any more."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            # the next line opens it again
            handler.close()


def drop_errors(record: logging.LogRecord) -> bool:
    """A filter for the native library while it loads: the failure to load says the same once."""
    return record.levelno != logging.ERROR or logging.getLogger().isEnabledFor(TRACE)


def announce(message: str) -> None:
    """Show a line that is the program's output, at every verbosity."""
    logging.getLogger("llamactl").log(OUTPUT, message)


def _stream_handler(settings: LogSettings) -> logging.Handler:
    stream: TextIO = sys.stdout if settings.log_jsonl else sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(settings, _wants_colors(settings.log_colors, stream)))
    return handler


class _LogFile(logging.FileHandler):
    """A file whose disk may be full: that is said once, not for every line that is lost."""

    _is_lost = False

    def handleError(self, record: logging.LogRecord) -> None:
        """A line could not be written."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._is_lost:
            self._is_lost = True
            print(f"--log-file: lines are lost: {error.strerror}", file=sys.stderr)


def _file_handler(settings: LogSettings) -> logging.Handler:
    try:
        handler = _LogFile(settings.log_file, encoding="utf-8")
    except OSError as error:
        raise OptionError(
            f"--log-file: can't write {settings.log_file!r}: {error.strerror}"
        ) from None
    handler.setFormatter(_formatter(settings, colors=False))
    return handler


def _formatter(settings: LogSettings, colors: bool) -> logging.Formatter:
    if settings.log_jsonl:
        return JsonFormatter()
    return LineFormatter(
        prefix=settings.log_prefix, timestamps=settings.log_timestamps, colors=colors
    )


def _wants_colors(choice: str, stream: TextIO) -> bool:
    if choice == "auto":
        return stream.isatty() and "NO_COLOR" not in os.environ
    return choice == "on"
