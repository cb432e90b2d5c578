"""A worker that hangs: what /health says, and who replaces it.

The hangs are real: the kernel stops the whole worker, or its engine thread alone, wherever that is.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.api.replies import assert_error_body
from tests.e2e import wire
from tests.e2e.conftest import Starter
from tests.e2e.live import LiveServer
from tests.e2e.processes import descendants
from tests.e2e.processes import wait_until

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(sys.platform != "linux", reason="stops threads by Linux's ptrace"),
]

WATCHDOG_S = 2
ENDLESS = {"prompt": "Once", "n_predict": -1, "ignore_eos": True, "stream": True}
LONG = "hello world " * 4000
HANG_S = 30.0
"""How long a test waits for a hang to be noticed, and for its end."""

PTRACE_CONT = 7
PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
WALL = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


def ptrace(request: int, tid: int) -> None:
    """For one thread. The calling thread must be the same for all calls about it."""
    if _libc.ptrace(request, tid, None, None) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def engine_thread(worker: int) -> int:
    """The id of the worker's engine thread."""
    (found,) = (
        int(task.name)
        for task in Path(f"/proc/{worker}/task").iterdir()
        if (task / "comm").read_text().strip() == "engine"
    )
    return found


def hold(tid: int) -> None:
    """Stop a traced thread where it is."""
    ptrace(PTRACE_INTERRUPT, tid)
    os.waitpid(tid, WALL)


def answers(server: LiveServer) -> bool:
    """Whether the HTTP side runs: then the engine's thread does not hold the interpreter."""
    try:
        return wire.request(server.url, "/health", timeout_s=1.0).status > 0
    except OSError:
        return False


@contextmanager
def hung_engine(server: LiveServer, *, with_gil: bool) -> Iterator[None]:
    """Its engine's thread stands still; on leaving, it must have been killed."""
    tid = engine_thread(worker_of(server))
    ptrace(PTRACE_SEIZE, tid)
    hold(tid)
    while answers(server) is with_gil:
        ptrace(PTRACE_CONT, tid)
        # two stops with the lock in a row would be a hang for the watchdog already
        wait_until("the engine runs on", lambda: answers(server))
        hold(tid)
    yield
    # the parent can't see the end of the worker before the tracer has seen that of the thread
    _, status = os.waitpid(tid, WALL)
    assert os.WIFSIGNALED(status)


def worker_of(server: LiveServer) -> int:
    (worker,) = wait_until("one worker", lambda: descendants(server.pid))
    return worker


@pytest.fixture
def server(start: Starter, tiny_path: Path) -> LiveServer:
    slots = ("-np", "2", "-c", "65536", "-t", "1", "--kv-unified", "-b", "64", "-ub", "64")
    return start("-m", tiny_path, *slots, "--watchdog", str(WATCHDOG_S))


def assert_replaced(server: LiveServer, worker: int) -> None:
    """By another worker, which serves."""
    wait_until("another worker", lambda: worker not in descendants(server.pid), HANG_S)
    wait_until("it is ready", lambda: server.get("/health").status == 200, HANG_S)
    assert server.post("/completion", {"prompt": "Once", "n_predict": 2}).status == 200
    assert "died while it worked on chatcmpl-" in server.log
    assert server.stop() == 0


def test_a_stopped_worker_is_replaced(server: LiveServer) -> None:
    worker = worker_of(server)
    with wire.stream(server.url, "/completion", ENDLESS) as stream:
        next(stream.events())
        os.kill(worker, signal.SIGSTOP)
        assert_replaced(server, worker)
    assert "the HTTP side has hung for " in server.log


def test_an_engine_that_hangs_is_said_and_replaced(server: LiveServer) -> None:
    worker = worker_of(server)
    # what a step costs is known after the first, and steps of prompts are nearly all native code
    assert server.post("/completion", {"prompt": "Once", "n_predict": 2}).status == 200
    with wire.stream(server.url, "/completion", ENDLESS | {"prompt": LONG}):
        server.wait_busy()
        with hung_engine(server, with_gil=False):
            reply = wait_until("/health says so", lambda: unhealthy(server), HANG_S)
            assert_error_body(reply.json, 503, "unavailable_error")
            assert reply.json["error"]["message"].startswith("The engine hangs: its step is ")
        assert_replaced(server, worker)
    assert "the engine has hung for " in server.log


def unhealthy(server: LiveServer) -> wire.Reply | None:
    reply = server.get("/health")
    return None if reply.status == 200 else reply


def test_an_engine_that_hangs_with_the_interpreter_is_replaced(server: LiveServer) -> None:
    worker = worker_of(server)
    with wire.stream(server.url, "/completion", ENDLESS) as stream:
        next(stream.events())
        with hung_engine(server, with_gil=True):
            pass
        assert_replaced(server, worker)
    assert "the HTTP side has hung for " in server.log
