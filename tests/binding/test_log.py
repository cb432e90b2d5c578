"""The native log on its way to Python."""

from __future__ import annotations

import ctypes
import gc
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llama_ctypes import log
from llama_ctypes.ctype import ref
from llama_ctypes.model import Model
from llama_ctypes.raw import system
from llama_ctypes.raw.ggml import ggml_log_callback
from llama_ctypes.raw.ggml import ggml_log_level

Line = tuple[int, str]
INFO, ERROR = ggml_log_level.GGML_LOG_LEVEL_INFO, ggml_log_level.GGML_LOG_LEVEL_ERROR
CONT = ggml_log_level.GGML_LOG_LEVEL_CONT


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    """What the sink receives."""
    received: list[Line] = []
    log.set_sink(lambda level, line: received.append((level, line)))
    yield received
    log.set_sink(None)


def say(*pieces: tuple[ggml_log_level, bytes]) -> None:
    """Log through the function pointer that C has, as C does."""
    callback = ggml_log_callback()
    system.llama_log_get(ref(callback), ref(ctypes.c_void_p()))
    c_log: Any = callback
    for level, text in pieces:
        c_log(level, text, None)


def test_line_arrives_with_the_level_of_logging(lines: list[Line]) -> None:
    say((INFO, b"one\n"), (ERROR, b"two\n"))
    assert lines == [(logging.INFO, "one"), (logging.ERROR, "two")]


def test_pieces_are_joined_to_a_line(lines: list[Line]) -> None:
    say((ERROR, b"one "), (CONT, b"and "), (CONT, b"two\n"))
    assert lines == [(logging.ERROR, "one and two")]


def test_open_line_ends_where_another_starts(lines: list[Line]) -> None:
    say((INFO, b"open"), (ERROR, b"next\n"))
    assert lines == [(logging.INFO, "open"), (logging.ERROR, "next")]


def test_several_lines_in_one_piece_arrive_one_by_one(lines: list[Line]) -> None:
    say((INFO, b"one\n\ntwo\nthr"), (CONT, b"ee\n"))
    assert [line for _, line in lines] == ["one", "two", "three"]


def test_text_that_is_no_utf8_is_replaced(lines: list[Line]) -> None:
    say((INFO, b"\xff\n"))
    assert lines == [(logging.INFO, "\ufffd")]


def test_libllama_logs_to_the_sink(lines: list[Line], tiny_model_path: Path) -> None:
    Model.load(tiny_model_path).close()
    assert any("loaded meta data" in line for _, line in lines)


def test_callback_survives_garbage_collection(lines: list[Line]) -> None:
    gc.collect()
    say((INFO, b"alive\n"))
    assert lines == [(logging.INFO, "alive")]


def test_default_sink_is_the_logger_llama(
    tiny_model_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log.set_sink(None)
    with caplog.at_level(logging.INFO, logger="llama"):
        Model.load(tiny_model_path).close()
    assert {record.name for record in caplog.records} == {"llama"}


def test_errors_are_remembered_without_function_names(lines: list[Line]) -> None:
    point = log.mark()
    say((INFO, b"fine\n"), (ERROR, b"llama_model_load: error loading model: it is broken\n"))
    assert log.errors_since(point) == ["it is broken"]
    assert log.errors_since(log.mark()) == []


def test_explanation_names_the_first_error(lines: list[Line]) -> None:
    point = log.mark()
    say((ERROR, b"load: first\n"), (ERROR, b"load: second\n"))
    assert log.explain("it failed", point) == "it failed: first"
    assert log.explain("it failed", log.mark()) == "it failed"
