"""Clients that go away, seen by each of the watches and by real servers on real sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import closing
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from flask import Flask
from waitress import create_server
from werkzeug.serving import make_server

from server.api.disconnect import GreenWatch
from server.api.disconnect import NoWatch
from server.api.disconnect import PolledWatch
from server.api.disconnect import ThreadWatch
from server.api.disconnect import Watchers
from server.api.disconnect import WatcherThread
from tests.api.scripted import ScriptedEngine
from tests.api.scripted import token

WAIT_S = 5.0
QUIET_S = 0.05
Pair = tuple[socket.socket, socket.socket]
Leave = Callable[[socket.socket], None]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def hang_up(client: socket.socket) -> None:
    client.close()


def half_close(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)


def talk_and_hang_up(client: socket.socket) -> None:
    client.sendall(b"GET /pipelined")
    client.close()


LEAVING = [hang_up, half_close, talk_and_hang_up]


class Bell:
    """Rings when a client is gone."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.n_rings = 0

    def ring(self) -> None:
        self.n_rings += 1
        self._event.set()

    def wait(self) -> bool:
        return self._event.wait(WAIT_S)


@pytest.mark.parametrize("leave", LEAVING)
def test_the_thread_sees_a_client_leave(pair: Pair, leave: Leave) -> None:
    ours, theirs = pair
    bell = Bell()
    with closing(WatcherThread().watch(ours.fileno(), bell.ring)) as watch:
        leave(theirs)
        assert bell.wait() and watch.is_gone()
    assert bell.n_rings == 1


def test_the_thread_sees_a_client_leave_after_it_has_talked(pair: Pair) -> None:
    ours, theirs = pair
    bell, other = Bell(), Bell()
    thread = WatcherThread()
    with closing(thread.watch(ours.fileno(), bell.ring)):
        theirs.sendall(b"GET /pipelined")
        leave_another(thread, other)
        assert bell.n_rings == 0
        theirs.close()
        assert bell.wait()
    assert ours.recv(100) == b"GET /pipelined"


def leave_another(thread: WatcherThread, bell: Bell) -> None:
    """Have the thread go round once, seen by another client's leaving."""
    ours, theirs = socket.socketpair()
    with ours, closing(thread.watch(ours.fileno(), bell.ring)):
        theirs.close()
        assert bell.wait()


def test_a_closed_watch_of_the_thread_keeps_nothing_open(pair: Pair) -> None:
    ours, _ = pair
    thread, other = WatcherThread(), Bell()
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(20):
        watch = thread.watch(ours.fileno(), other.ring)
        watch.close()
        watch.close()
    leave_another(thread, other)
    wait_until_unwatched(thread)
    assert len(list(Path("/dev/fd").iterdir())) <= before + 1


def wait_until_unwatched(thread: WatcherThread) -> None:
    """A change that is posted last is made last."""
    done = threading.Event()
    thread.post(done.set)
    assert done.wait(WAIT_S)
    assert thread.n_watched == 0


@pytest.mark.parametrize("leave", LEAVING)
def test_the_hub_sees_a_client_leave(pair: Pair, leave: Leave) -> None:
    from gevent.event import Event

    ours, theirs = pair
    gone = Event()
    with closing(GreenWatch(ours, gone.set)) as watch:
        leave(theirs)
        assert gone.wait(WAIT_S) and watch.is_gone()


def test_the_hub_does_not_spin_on_a_client_that_talks(pair: Pair) -> None:
    from gevent.event import Event

    ours, theirs = pair
    gone = Event()
    with closing(GreenWatch(ours, gone.set)) as watch:
        theirs.sendall(b"GET /pipelined")
        assert not gone.wait(QUIET_S)
        assert not watch.is_listening
        theirs.close()
        assert gone.wait(WAIT_S)


def test_a_closed_watch_of_the_hub_is_silent(pair: Pair) -> None:
    from gevent.event import Event

    ours, theirs = pair
    gone = Event()
    watch = GreenWatch(ours, gone.set)
    watch.close()
    watch.close()
    theirs.close()
    assert not gone.wait(QUIET_S)


def test_without_a_known_socket_nothing_is_watched() -> None:
    watch = Watchers().watch({}, lambda: None)
    assert type(watch) is NoWatch
    assert (watch.poll_s, watch.is_gone()) == (None, False)


def test_a_server_that_can_tell_is_asked() -> None:
    answers = [False, True]
    environ = {"waitress.client_disconnected": lambda: answers.pop(0)}
    watch = Watchers().watch(environ, lambda: None)
    assert isinstance(watch, PolledWatch) and watch.poll_s
    assert [watch.is_gone(), watch.is_gone()] == [False, True]


@pytest.mark.parametrize("name", ["gunicorn.socket", "werkzeug.socket"])
def test_a_servers_socket_is_watched_by_the_thread(pair: Pair, name: str) -> None:
    ours, theirs = pair
    bell = Bell()
    with closing(Watchers().watch({name: ours}, bell.ring)) as watch:
        assert isinstance(watch, ThreadWatch)
        theirs.close()
        assert bell.wait()


@contextmanager
def waitress(app: Flask) -> Iterator[int]:
    server = create_server(app, host="127.0.0.1", port=0, threads=2, channel_request_lookahead=1)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.effective_port
    finally:
        server.close()
        thread.join(WAIT_S)


@contextmanager
def werkzeug(app: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(WAIT_S)
        server.server_close()


SERVERS = [waitress, werkzeug]


def connect(port: int, **fields: object) -> socket.socket:
    """Post a completion; nothing of the answer is read."""
    body = orjson.dumps({"prompt": "a"} | fields)
    client = socket.create_connection(("127.0.0.1", port), WAIT_S)
    head = f"POST /completion HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + body)
    return client


@pytest.mark.parametrize("serving", SERVERS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_before_the_first_token_is_cancelled(
    scripted: Callable[..., tuple[ScriptedEngine, Flask]],
    serving: Callable[[Flask], Iterator[int]],
    stream: bool,
) -> None:
    engine, app = scripted()
    with serving(app) as port:  # type: ignore[attr-defined]
        client = connect(port, stream=stream)
        (task,) = engine.tasks()
        client.close()
        assert engine.cancelled() == (task.id,)


@pytest.mark.parametrize("serving", SERVERS)
def test_a_client_that_leaves_a_stream_is_cancelled(
    scripted: Callable[..., tuple[ScriptedEngine, Flask]],
    serving: Callable[[Flask], Iterator[int]],
) -> None:
    engine, app = scripted()
    with serving(app) as port:  # type: ignore[attr-defined]
        client = connect(port, stream=True)
        (task,) = engine.tasks()
        engine.say(token(task, "x"))
        received = b""
        while b'"content":"x"' not in received:
            received += client.recv(4096)
        client.close()
        assert engine.cancelled() == (task.id,)
