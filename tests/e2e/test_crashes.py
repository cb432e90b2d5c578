"""A worker that is killed under load: who notices, for how long, what is said.

LLAMACTL_CRASHES=20 kills it more often, prints a line for each time, and holds the time against its
limit: measure with nothing else running.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.e2e import wire
from tests.e2e.conftest import Starter
from tests.e2e.live import LiveServer
from tests.e2e.processes import descendants
from tests.e2e.processes import wait_until

pytestmark = pytest.mark.model

IS_MEASURED = "LLAMACTL_CRASHES" in os.environ
N_CRASHES = int(os.environ.get("LLAMACTL_CRASHES", "2"))
N_CLIENTS = 4
LIMIT_S = 2.0
"""Beyond the time that the model takes to load."""

ENDLESS = {"prompt": "Once", "n_predict": -1, "ignore_eos": True, "stream": True}


class Load:
    """Clients that stream, one after another answer, and connect again at once when one breaks."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server
        self._over = threading.Event()
        self.refused: list[str] = []
        self._threads = [threading.Thread(target=self._client) for _ in range(N_CLIENTS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _client(self) -> None:
        while not self._over.is_set():
            try:
                with wire.stream(self._server.url, "/completion", ENDLESS) as stream:
                    for _ in stream.lines():
                        if self._over.is_set():
                            return
            except ConnectionRefusedError as error:
                self.refused.append(str(error))
            except (OSError, HTTPException):
                continue  # the answer that ran when the worker died


def worker_of(server: LiveServer) -> int:
    (worker,) = wait_until("one worker", lambda: descendants(server.pid))
    return worker


def recovery_s(server: LiveServer, number: int) -> float:
    """Kill the worker while it streams; the seconds until /health is 200 again."""
    server.wait_busy(N_CLIENTS)
    begin = time.monotonic()
    kill_worker(server, number)
    return time.monotonic() - begin


def kill_worker(server: LiveServer, number: int) -> None:
    """Until there is another that answers."""
    worker = worker_of(server)
    os.kill(worker, number)
    wait_until("the worker is gone", lambda: worker not in descendants(server.pid))
    wait_until("a new worker is ready", lambda: server.get("/health").status == 200, 30)


@pytest.fixture
def server(start: Starter, tiny_path: Path) -> LiveServer:
    slots = ("-np", str(N_CLIENTS), "--kv-unified", "-c", "65536", "-t", "1")
    return start("-m", tiny_path, *slots)


def test_a_worker_killed_under_load_is_replaced_in_time(server: LiveServer) -> None:
    load_s = ready_after_s(server)
    with Load(server) as load:
        for i in range(N_CRASHES):
            number = (signal.SIGKILL, signal.SIGSEGV)[i % 2]
            took_s = recovery_s(server, number)
            if IS_MEASURED:
                print(f"{i + 1}: {number.name}: {took_s:.2f} s (start and load {load_s:.2f} s)")
                assert took_s < load_s + LIMIT_S
    assert load.refused == []
    said = re.findall(
        r"died while it worked on chatcmpl-\w+ \(slot \d+, \d+ prompt tokens", server.log
    )
    assert len(said) >= N_CRASHES
    assert server.stop() == 0
    # who leaves in an orderly way did not die
    assert server.log.count("the server died while") == len(said)


def test_a_prompt_that_ran_in_two_crashes_is_refused(start: Starter, tiny_path: Path) -> None:
    server = start("-m", tiny_path, "-np", "2", "-c", "4096", "-t", "1", "--quarantine")
    bystander = {"prompt": "upon a time", "n_predict": 4}
    for _ in range(2):
        with (
            wire.stream(server.url, "/completion", ENDLESS),
            wire.stream(server.url, "/completion", ENDLESS | {"prompt": bystander["prompt"]}),
        ):
            server.wait_busy(2)
            kill_worker(server, signal.SIGSEGV)
        # who ends well in between was not to blame
        assert server.post("/completion", bystander).status == 200
    for body in (ENDLESS, {"prompt": ["upon", "Once"]}):
        reply = server.post("/completion", body)
        assert reply.json["error"]["message"].startswith("prompt: it was being computed in two")
        assert (reply.status, reply.json["error"]["type"]) == (400, "invalid_request_error")
    assert server.post("/completion", bystander).status == 200
    assert server.post("/completion", {"prompt": "Once upon", "n_predict": 1}).status == 200
    assert server.stop() == 0


def ready_after_s(server: LiveServer) -> float:
    """How long a new worker takes to begin and to load the model, with nothing else to do."""
    worker = worker_of(server)
    begin = time.monotonic()
    server.signal(signal.SIGUSR2)
    wait_until("the worker is gone", lambda: worker not in descendants(server.pid))
    wait_until("a new worker is ready", lambda: server.get("/health").status == 200, 30)
    return time.monotonic() - begin


def test_a_stream_longer_than_the_drain_timeout_ends_properly(
    start: Starter, tiny_path: Path
) -> None:
    server = start("-m", tiny_path, "-np", "1", "-c", "65536", "-t", "1", "--drain-timeout", "0")
    with wire.stream(server.url, "/completion", ENDLESS) as stream:
        events = stream.events()
        next(events)
        server.signal(signal.SIGTERM)
        *_, last = events
    assert (last["stop"], last["truncated"]) == (True, True)
    assert server.wait_exit() == 0


def test_a_server_begins_anew_under_load_and_refuses_nobody(
    start: Starter, tiny_path: Path
) -> None:
    """Under its old process id and address, so that who supervises it sees nothing."""
    server = start("-m", tiny_path, "-np", str(N_CLIENTS), "-t", "1", "--drain-timeout", "1")
    worker = worker_of(server)
    with Load(server) as load:
        server.wait_busy(N_CLIENTS)
        server.signal(signal.SIGUSR2)
        wait_until("the worker is gone", lambda: worker not in descendants(server.pid), 30)
        wait_until("a new worker is ready", lambda: server.get("/health").status == 200, 30)
        server.wait_busy(N_CLIENTS)
    assert load.refused == []
    assert server.process.poll() is None
    wait_until("it says so", lambda: server.log.count("llamactl is listening on ") == 2, 10)
    assert server.stop() == 0
    assert "Traceback" not in server.log
