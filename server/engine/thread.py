"""The engine's own thread: load the model, run the engine, say how it ended.

A native thread, started with the un-patched primitive, because under gevent `threading.Thread` is
a greenlet. It never raises: what goes wrong is shown on the board and logged.
"""

from __future__ import annotations

import ctypes
import logging
import sys
import traceback
from collections.abc import Callable

from server.engine.config import EngineConfig
from server.engine.engine import Engine
from server.engine.errors import LoadFailed
from server.engine.mailbox import Mailbox
from server.engine.mailbox import Message
from server.engine.mailbox import Status
from server.engine.mailbox import Stop
from server.engine.native import start_thread
from server.engine.runner import ModelRunner

OnProgress = Callable[[float], bool]
Load = Callable[[OnProgress], ModelRunner]
"""Loads a model; calls back with progress in [0, 1], and gives up when told False."""

NAME = "engine"
PR_SET_NAME = 15


def start(load: Load, mailbox: Mailbox, config: EngineConfig) -> None:
    """Start the thread and return at once; follow the mailbox's board."""
    start_thread(_main, load, mailbox, config)


def _main(load: Load, mailbox: Mailbox, config: EngineConfig) -> None:
    _name_thread()
    engine = None
    try:
        engine = _load(load, mailbox, config)
        if engine is not None:
            engine.run()
            engine.close()
    except LoadFailed as error:
        mailbox.show(status=Status.FAILED, failure=str(error))
    except BaseException as error:
        mailbox.log("llamactl.engine", logging.CRITICAL, traceback.format_exc())
        mailbox.show(status=Status.FAILED, failure=f"the engine failed: {error}")
        if engine is not None:
            engine.abandon()


def _load(load: Load, mailbox: Mailbox, config: EngineConfig) -> Engine | None:
    """The engine, shown as ready; None if a stop was asked for meanwhile."""
    posted: list[Message] = []

    def on_progress(progress: float) -> bool:
        mailbox.show(load_progress=progress)
        posted.extend(mailbox.drain())
        return not any(isinstance(message, Stop) for message in posted)

    try:
        runner = load(on_progress)
    except LoadFailed:
        if not any(isinstance(message, Stop) for message in posted):
            raise
        mailbox.show(status=Status.STOPPED)
        return None
    engine = new_engine(runner, mailbox, config)
    for message in posted:
        mailbox.post(message)
    mailbox.show(
        status=Status.READY, load_progress=1.0, info=runner.info, tokenizer=runner.tokenizer
    )
    return engine


def new_engine(runner: ModelRunner, mailbox: Mailbox, config: EngineConfig) -> Engine:
    """The engine that the config asks for. LoadFailed if its trace cannot be written."""
    if not config.step_trace:
        return Engine(runner, mailbox, config)
    from server.engine.traced import TracedEngine  # who traces nothing pays nothing
    from server.engine.traced import open_trace

    return TracedEngine(runner, mailbox, config, out=open_trace(config.step_trace))


def _name_thread() -> None:
    """Show the name in `top -H` and in debuggers (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NAME, NAME.encode(), 0, 0, 0)
