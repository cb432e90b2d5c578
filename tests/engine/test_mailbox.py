"""The crossing between the engine thread and handlers, in its native and its gevent form."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from server.engine import thread
from server.engine.client import EngineClient
from server.engine.config import EngineConfig
from server.engine.delivery import ThreadDelivery
from server.engine.errors import LoadFailed
from server.engine.mailbox import Mailbox
from server.engine.mailbox import Status
from server.engine.runner import ModelRunner
from server.engine.task import Failed
from server.engine.task import Finished
from server.engine.task import Task
from server.engine.task import Token
from tests.fakes import FakeRunner

WAIT_S = 30.0


def task(client: EngineClient, text: str = "hello", **fields: object) -> Task:
    """A task whose prompt is the bytes of text."""
    prompt = np.array(list(text.encode()), np.int32)
    return Task(client.next_task_id(), prompt, **fields)  # type: ignore[arg-type]


@pytest.fixture
def client() -> Iterator[EngineClient]:
    """A running engine thread over a fake runner."""
    mailbox = Mailbox(ThreadDelivery())
    thread.start(
        lambda on_progress: FakeRunner(n_ctx_slot=10**5, n_cells=10**5), mailbox, EngineConfig()
    )
    engine = EngineClient(mailbox)
    assert engine.wait_ready(WAIT_S) is Status.READY
    yield engine
    assert engine.stop(0, WAIT_S)


def test_a_request_receives_every_token_and_then_the_end(client: EngineClient) -> None:
    with client.submit([task(client, n_predict=20, stream=True)]) as request:
        events = []
        while not request.is_done:
            events.append(request.get(WAIT_S))
    assert [type(event) for event in events] == [Token] * 20 + [Finished]


def test_one_request_may_hold_several_tasks(client: EngineClient) -> None:
    tasks = [task(client, f"{i}", n_predict=5) for i in range(7)]
    with client.submit(tasks) as request:
        ended = set()
        while not request.is_done:
            event = request.get(WAIT_S)
            assert isinstance(event, Finished)
            ended.add(event.task_id)
    assert ended == {t.id for t in tasks}


def test_leaving_a_request_cancels_it(client: EngineClient) -> None:
    with client.submit([task(client, stream=True)]) as request:
        assert isinstance(request.get(WAIT_S), Token)
    # the slots are free again: as many requests as there are slots can end
    with client.submit([task(client, n_predict=1) for _ in range(4)]) as request:
        while not request.is_done:
            assert isinstance(request.get(WAIT_S), Finished)
    assert not any(slot.is_processing for slot in client.board.snapshot.slots)


def test_abandoning_wakes_a_handler_that_waits(client: EngineClient) -> None:
    with client.submit([task(client)]) as request:
        threading.Thread(target=request.abandon).start()
        assert request.get(WAIT_S) is None
        assert request.is_abandoned


def test_a_stop_ends_running_streams_with_a_last_event(client: EngineClient) -> None:
    with client.submit([task(client, stream=True)]) as request:
        assert isinstance(request.get(WAIT_S), Token)
        assert client.stop(0, WAIT_S)
        while not request.is_done:
            event = request.get(WAIT_S)
    assert isinstance(event, Finished)
    assert client.status is Status.STOPPED


def test_a_model_that_cannot_be_loaded_is_shown_on_the_board() -> None:
    def load(on_progress: thread.OnProgress) -> ModelRunner:
        raise LoadFailed("no such file: x.gguf")

    mailbox = Mailbox(ThreadDelivery())
    thread.start(load, mailbox, EngineConfig())
    client = EngineClient(mailbox)
    assert client.wait_ready(WAIT_S) is Status.FAILED
    assert client.board.failure == "no such file: x.gguf"


def test_a_stop_while_loading_cancels_the_load() -> None:
    asked = threading.Event()

    def load(on_progress: thread.OnProgress) -> ModelRunner:
        asked.set()
        while on_progress(0.5):
            pass
        raise LoadFailed("cancelled")

    mailbox = Mailbox(ThreadDelivery())
    thread.start(load, mailbox, EngineConfig())
    client = EngineClient(mailbox)
    assert asked.wait(WAIT_S)
    assert client.stop(0, WAIT_S)
    assert client.status is Status.STOPPED
    assert client.board.load_progress == 0.5


def test_a_bug_in_the_engine_reaches_every_client_as_an_error() -> None:
    runner = FakeRunner()
    runner.next_token = None  # type: ignore[assignment,method-assign]
    mailbox = Mailbox(ThreadDelivery())
    thread.start(lambda on_progress: runner, mailbox, EngineConfig())
    client = EngineClient(mailbox)
    client.wait_ready(WAIT_S)
    with client.submit([task(client) for _ in range(9)]) as request:
        while not request.is_done:
            assert isinstance(request.get(WAIT_S), Failed)
    assert client.wait_ready(0) is Status.FAILED


GEVENT_SCRIPT = """
from gevent import monkey
monkey.patch_all()
import logging
import threading
import gevent
import numpy as np
from server.engine import thread
from server.engine.client import EngineClient
from server.engine.config import EngineConfig
from server.engine.delivery import choose_delivery
from server.engine.green_delivery import GeventDelivery
from server.engine.mailbox import Mailbox
from server.engine.task import Finished, Task, Token
from tests.fakes import FakeRunner

logging.basicConfig(format="%(name)s:%(message)s", level=logging.INFO)
mailbox = Mailbox(choose_delivery())
assert isinstance(mailbox.delivery, GeventDelivery)
native = []
class Runner(FakeRunner):
    def decode(self):
        native.append(monkey.get_original("_thread", "get_ident")())
        super().decode()
        mailbox.log("from.engine", logging.INFO, "decoded") if len(native) == 1 else None
thread.start(lambda on_progress: Runner(n_ctx_slot=5000, n_cells=10**5), mailbox, EngineConfig())
client = EngineClient(mailbox)
client.wait_ready(30)

def run(i):
    prompt = np.array([i], np.int32)
    with client.submit([Task(client.next_task_id(), prompt, n_predict=50, stream=True)]) as request:
        events = []
        while not request.is_done:
            events.append(request.get(30))
    return [type(event) for event in events]

def leave(i):
    prompt = np.array([i], np.int32)
    with client.submit([Task(client.next_task_id(), prompt, stream=True)]) as request:
        request.get(30)
        gevent.spawn(request.abandon)
        while request.get(30) is not None:
            pass
        assert request.is_abandoned

jobs = [gevent.spawn(run, i) for i in range(40)] + [gevent.spawn(leave, i) for i in range(10)]
gevent.joinall(jobs, raise_error=True)
assert all(job.value == [Token] * 50 + [Finished] for job in jobs[:40])
assert set(native) != {monkey.get_original("_thread", "get_ident")()}
assert client.stop(0)
print("done")
"""


def test_the_gevent_form_delivers_to_greenlets_and_logs_on_the_hub() -> None:
    result = subprocess.run(
        [sys.executable, "-c", GEVENT_SCRIPT], capture_output=True, text=True, timeout=120
    )
    assert result.stdout == "done\n", result.stderr
    assert "from.engine:decoded" in result.stderr
