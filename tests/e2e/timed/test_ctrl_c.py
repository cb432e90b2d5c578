"""Ctrl-C ends a server within two seconds, whatever it does.

Promises in seconds are tested while nothing else runs: `make test` runs this folder by itself.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.api.replies import assert_error_body
from tests.e2e import wire
from tests.e2e.conftest import Starter
from tests.e2e.live import LiveServer
from tests.e2e.processes import descendants

pytestmark = pytest.mark.model

ENDLESS = {"prompt": "Once", "n_predict": -1, "ignore_eos": True, "stream": True}
QUICK_S = 2.0


@pytest.fixture
def server(start: Starter, tiny_path: Path) -> LiveServer:
    """A server of one slot, for one test."""
    return start("-m", tiny_path, "-np", "1", "-t", "1", "-c", "65536", "-b", "64", "-ub", "64")


def test_a_terminals_ctrl_c_ends_open_streams(server: LiveServer) -> None:
    with wire.stream(server.url, "/completion", ENDLESS) as stream:
        next(stream.events())
        begin = time.monotonic()
        # a terminal sends the signal to all processes of the group
        for pid in [server.pid, *descendants(server.pid)]:
            os.kill(pid, signal.SIGINT)
        assert server.wait_exit() == 0
        assert time.monotonic() - begin < QUICK_S


def test_it_ends_streams_queue_and_prefill_at_once(server: LiveServer) -> None:
    long_prompt = ENDLESS | {"prompt": "hello world " * 4000}
    with (
        wire.stream(server.url, "/completion", long_prompt) as prefilling,
        wire.stream(server.url, "/completion", ENDLESS) as queued,
    ):
        server.wait_busy()
        begin = time.monotonic()
        server.signal(signal.SIGINT)
        events = [list(prefilling.data()), list(queued.data())]
        assert server.wait_exit() == 0
        assert time.monotonic() - begin < QUICK_S
    for (event,) in events:
        assert_error_body(json.loads(event), 503, "unavailable_error")
