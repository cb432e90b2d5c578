"""nginx and HAProxy before servers: streams, clients that leave, models that load, crashes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from contextlib import contextmanager

import pytest
from werkzeug.serving import make_server

from server.app import create_app
from server.engine.mailbox import Status
from tests.api.conftest import settings_of
from tests.api.scripted import ScriptedEngine
from tests.api.scripted import finished
from tests.api.scripted import token
from tests.deploy.proxies import COMMANDS
from tests.deploy.proxies import proxy
from tests.e2e import wire
from tests.e2e.processes import wait_until

CHAT = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
TOKENIZE = ("/tokenize", {"content": "hi"})


class Replica:
    """A server whose engine follows the test."""

    def __init__(self) -> None:
        self.engine = ScriptedEngine()
        app = create_app(settings_of(), self.engine.client)
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.port = self._server.port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.engine.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Site:
    """A proxy before two servers."""

    def __init__(self, url: str, replicas: tuple[Replica, Replica]) -> None:
        self.url = url
        self.replicas = replicas


@pytest.fixture(scope="module", params=sorted(COMMANDS))
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    name = request.param
    with ExitStack() as stack:
        replicas = (Replica(), Replica())
        for replica in replicas:
            stack.callback(replica.close)
        ports = [replica.port for replica in replicas]
        url = stack.enter_context(proxy(name, tmp_path_factory.mktemp(name), ports))
        yield Site(url, replicas)


@pytest.fixture
def first(site: Site) -> Iterator[ScriptedEngine]:
    """The first replica's engine, which gets all requests, since the other one loads its model."""
    with loading(site.replicas[1].engine):
        wait_until("only the first is asked", lambda: asks_only(site))
        yield site.replicas[0].engine


@contextmanager
def loading(engine: ScriptedEngine) -> Iterator[None]:
    engine.show(status=Status.LOADING)
    try:
        yield
    finally:
        engine.show(status=Status.READY)


def asks_only(site: Site) -> bool:
    """Whether conversations of every name are answered."""
    names = [f"conversation {i}" for i in range(16)]
    replies = [
        wire.request(site.url, *TOKENIZE, headers={"X-Conversation-Id": name}) for name in names
    ]
    return {reply.status for reply in replies} == {200}


def test_tokens_arrive_one_by_one(site: Site, first: ScriptedEngine) -> None:
    with ExitStack() as stack:
        opened: list[wire.EventStream] = []

        def ask() -> None:
            opened.append(stack.enter_context(wire.stream(site.url, "/v1/chat/completions", CHAT)))

        asking = threading.Thread(target=ask)
        asking.start()
        (task,) = first.tasks()
        first.say(token(task, "a"))
        asking.join(10)
        events = opened[0].events()
        texts = []
        for n, text in enumerate("abc", 1):
            # the next token is made only when this one was read
            if n > 1:
                first.say(token(task, text, n))
            while not (delta := next(events)["choices"][0]["delta"].get("content")):
                pass
            texts.append(delta)
        assert texts == ["a", "b", "c"]
        first.say(finished(task))
        assert [event["choices"][0]["finish_reason"] for event in events][-1] == "length"


def test_a_client_that_leaves_frees_the_slot(site: Site, first: ScriptedEngine) -> None:
    with wire.open_socket(site.url, "/v1/chat/completions", CHAT) as client:
        (task,) = first.tasks()
        first.say(token(task, "a"))
        wire.read_until(client, b'"content":"a"')
    assert list(first.cancelled()) == [task.id]


def test_a_client_that_leaves_before_the_answer_frees_the_slot(
    site: Site, first: ScriptedEngine
) -> None:
    with wire.open_socket(site.url, "/completion", {"prompt": "hi"}):
        (task,) = first.tasks()
    assert list(first.cancelled()) == [task.id]


def test_a_server_that_loads_its_model_is_left_out(site: Site) -> None:
    for replica in site.replicas:
        with loading(replica.engine):
            wait_until("the other one is asked", lambda: asks_only(site))
    wait_until("both are asked", lambda: asks_only(site))


def test_counters_are_not_shown_to_everybody(site: Site) -> None:
    assert wire.request(site.url, "/metrics").status == 403
