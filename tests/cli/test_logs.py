"""What is logged at which verbosity, and how lines look."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from server import logs
from server.loading import LoadingBar
from server.options.resolve import settings_from


@pytest.fixture(autouse=True)
def root_logger_as_it_was() -> Iterator[None]:
    root, native = logging.getLogger(), logging.getLogger(logs.NATIVE)
    handlers, level, native_level = list(root.handlers), root.level, native.level
    yield
    for handler in list(root.handlers):
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    native.setLevel(native_level)
    logging.captureWarnings(False)


def set_up(line: str = "") -> None:
    logs.set_up(settings_from(line.split(), {}).log)


def test_a_line_has_time_level_and_origin(capsys: pytest.CaptureFixture[str]) -> None:
    set_up()
    logging.getLogger("server.x").warning("hot")
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} W server\.x: hot\n", capsys.readouterr().err)


def test_prefix_and_time_may_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("--no-log-prefix --no-log-timestamps")
    logging.getLogger("server.x").warning("hot")
    assert capsys.readouterr().err == "hot\n"


def test_output_has_no_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("-lv 0")
    logs.announce("listening")
    assert capsys.readouterr().err == "listening\n"


@pytest.mark.parametrize(
    ("verbosity", "shown"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (9, 6)]
)
def test_verbosity_shows_that_many_levels(
    capsys: pytest.CaptureFixture[str], verbosity: int, shown: int
) -> None:
    set_up(f"-lv {verbosity}")
    for level in (logging.ERROR, logging.WARNING, logging.INFO, logs.TRACE, logging.DEBUG, 5):
        logging.getLogger("server.x").log(level, "line")
    assert capsys.readouterr().err.count("line") == shown


def test_native_information_is_for_the_trace_level(capsys: pytest.CaptureFixture[str]) -> None:
    set_up()
    logging.getLogger(logs.NATIVE).info("a hundred lines")
    set_up("-lv 4")
    logging.getLogger(logs.NATIVE).info("asked for")
    err = capsys.readouterr().err
    assert "asked for" in err
    assert "hundred" not in err


def test_a_disabled_log_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("--log-disable")
    logging.getLogger("server.x").error("bad")
    logs.announce("listening")
    assert capsys.readouterr() == ("", "")


def test_json_lines_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("--log-jsonl")
    logging.getLogger("server.x").warning("two\nlines")
    out = capsys.readouterr().out
    record = json.loads(out)
    assert out.count("\n") == 1
    assert (record["level"], record["origin"], record["message"]) == ("W", "server.x", "two\nlines")


def test_a_file_gets_the_same_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    set_up(f"--log-file {path} --no-log-timestamps --log-colors on")
    logging.getLogger("server.x").warning("hot")
    assert path.read_text() == "W server.x: hot\n"


def test_colours_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("--log-colors on --no-log-timestamps")
    logging.getLogger("server.x").error("bad")
    assert capsys.readouterr().err == "\033[31mE server.x: bad\033[0m\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_drawn_on_a_terminal_and_removed() -> None:
    terminal = Terminal()
    with LoadingBar(terminal, "loading m") as bar:
        bar.show(0.5)
        assert "loading m" in terminal.getvalue() and "50%" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\033[K")


def test_no_bar_is_drawn_elsewhere() -> None:
    stream = io.StringIO()
    with LoadingBar(stream, "loading m") as bar:
        bar.show(0.5)
    assert stream.getvalue() == ""
