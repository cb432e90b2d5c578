"""An app over the real engine with a fake runner, and an engine that says what it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule as UrlRule

from server.app import create_app
from server.engine.client import EngineClient
from server.engine.delivery import ThreadDelivery
from server.engine.engine import Engine
from server.engine.mailbox import Mailbox
from server.engine.mailbox import Status
from server.options.resolve import resolve
from server.options.settings import Settings
from tests.api.scripted import ScriptedEngine
from tests.fakes import FakeRunner
from tests.fakes import Rule
from tests.fakes import next_letter

STOP_S = 5.0


class Server:
    """An app whose engine runs in a thread of its own."""

    def __init__(self, runner: FakeRunner, settings: Settings) -> None:
        self.runner = runner
        mailbox = Mailbox(ThreadDelivery())
        self._engine = Engine(runner, mailbox)
        self._thread = threading.Thread(target=self._run)
        self.engine = EngineClient(mailbox)
        mailbox.show(status=Status.READY, info=runner.info, tokenizer=runner.tokenizer)
        self.app: Flask = create_app(settings, self.engine)
        self.client: FlaskClient = self.app.test_client()
        self._thread.start()

    def _run(self) -> None:
        self._engine.run()
        self._engine.close()

    def close(self) -> None:
        """End the engine's thread."""
        self.engine.stop(0)
        self._thread.join(STOP_S)
        assert not self._thread.is_alive()


def settings_of(**options: str) -> Settings:
    """Settings from option names (with underscores) and their texts."""
    return resolve((), {}, preset={key.replace("_", "-"): text for key, text in options.items()})


ServerMaker = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[ServerMaker]:
    """Makes servers: the rule of the runner, its ModelInfo overrides as `info`, and options."""
    servers: list[Server] = []

    def make(
        rule: Rule = next_letter, info: dict[str, object] | None = None, **options: str
    ) -> Server:
        runner = FakeRunner(rule, **(info or {}))  # type: ignore[arg-type]
        servers.append(Server(runner, settings_of(**options)))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Has werkzeug write the function that builds a rule's URL once, and not for each of 860 apps.

    It is most of what `create_app` costs, and depends on nothing but the rule and its converters,
    which the function finds in the rule that it is called on.
    """
    compile_builder = UrlRule._compile_builder
    functions: dict[tuple[object, ...], Callable[..., tuple[str, str]]] = {}

    def compiled(rule: UrlRule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        if rule.defaults:
            return compile_builder(rule, append_unknown)
        key = (rule.rule, tuple(rule._trace), append_unknown)
        if key not in functions:
            functions[key] = compile_builder(rule, append_unknown)
        return functions[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UrlRule, "_compile_builder", compiled)
        yield


@pytest.fixture
def client(serve: ServerMaker) -> FlaskClient:
    """A client of a server with nothing special."""
    return serve().client


@pytest.fixture
def scripted() -> Iterator[Callable[..., tuple[ScriptedEngine, Flask]]]:
    """Makes an engine that follows a script, and an app on it."""
    engines: list[ScriptedEngine] = []

    def make(**options: str) -> tuple[ScriptedEngine, Flask]:
        engine = ScriptedEngine()
        engines.append(engine)
        return engine, create_app(settings_of(**options), engine.client)

    yield make
    for engine in engines:
        engine.close()
