"""The process that asks the native libraries: its answers, and how its death is told."""

from __future__ import annotations

import os
import signal
from typing import Any

from server.doctor.native import ask
from server.doctor.native import death


class Deadly:
    """Ends the process that gets it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (3,)


def test_a_process_that_dies_is_an_answer() -> None:
    config: Any = Deadly()
    assert ask(config).problem == death(3)


def test_libraries_for_another_processor_are_named_as_such() -> None:
    assert "another processor" in death(-signal.SIGILL)
    assert "(SIGSEGV); run ./build_native.sh --clean" in death(-signal.SIGSEGV)
