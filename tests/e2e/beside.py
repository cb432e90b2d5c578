"""A stream and a client of /health that run beside something, and how long each had to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.e2e import wire
from tests.e2e.live import LiveServer

PAUSE_S = 0.02
N_BEFORE = 50
"""Events of the stream before it counts."""


@dataclass(slots=True)
class Waits:
    """The longest ones, in seconds."""

    gap_s: float = 0.0
    """Between two events of the stream."""
    health_s: float = 0.0
    failure: str = ""


@contextmanager
def clients_beside(server: LiveServer) -> Iterator[Waits]:
    """Both run until the block is left."""
    waits, ready, over = Waits(), threading.Event(), threading.Event()
    threads = [
        threading.Thread(target=_stream, args=(server, waits, ready, over)),
        threading.Thread(target=_ask, args=(server, waits, ready, over)),
    ]
    for thread in threads:
        thread.start()
    try:
        assert ready.wait(30), "no stream beside"
        yield waits
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not waits.failure, waits.failure


def _stream(
    server: LiveServer, waits: Waits, ready: threading.Event, over: threading.Event
) -> None:
    body = {"prompt": "Once", "n_predict": -1, "ignore_eos": True, "stream": True}
    with wire.stream(server.url, "/completion", body, headers=server.headers) as stream:
        before = time.monotonic()
        for number, _ in enumerate(stream.data()):
            now = time.monotonic()
            if number > N_BEFORE:
                ready.set()
                waits.gap_s = max(waits.gap_s, now - before)
            before = now
            if over.is_set():
                return
    waits.failure = "the stream ended beside an attack"


def _ask(server: LiveServer, waits: Waits, ready: threading.Event, over: threading.Event) -> None:
    ready.wait()
    while not over.wait(PAUSE_S):
        begin = time.monotonic()
        if server.get("/health").status != 200:
            waits.failure = "/health is not well beside an attack"
        waits.health_s = max(waits.health_s, time.monotonic() - begin)
