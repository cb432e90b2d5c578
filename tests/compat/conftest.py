"""Our server under the questions of the corpus: one start a profile, only if it is needed."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.compat.exchange import ask
from tests.compat.profiles import ShapeProfile
from tests.compat.profiles import model_path
from tests.e2e import live

Json = Any


@contextmanager
def running(model: Path, options: tuple[str, ...], folder: Path) -> Iterator[live.LiveServer]:
    """Our server with these options."""
    server = live.start(["-m", model, *options], folder / "server.log")
    try:
        yield server
    finally:
        server.kill()


Answers = Callable[[ShapeProfile], dict[str, Json]]
Models = Callable[[str], Path]
FIXTURES = {"stories": "stories_path", "smollm2": "smollm2_path"}


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Models:
    """The file of a model by name; skips or fails, as its fixture says, where it is absent."""

    def find(name: str) -> Path:
        if name in FIXTURES:
            path: Path = request.getfixturevalue(FIXTURES[name])
            return path
        tiny = model_path(name, tmp_path_factory.mktemp("models"))
        assert tiny is not None
        return tiny

    return cache(find)


@pytest.fixture(scope="session")
def our_answers(tmp_path_factory: pytest.TempPathFactory, models: Models) -> Answers:
    """Our answers to all cases of a profile, asked in order when the first test wants one.

    What went wrong then is remembered too: a server that dies is not started for every test.
    """
    known: dict[str, dict[str, Json] | Exception] = {}

    def ask_all(profile: ShapeProfile) -> dict[str, Json]:
        folder = tmp_path_factory.mktemp("shapes")
        options = profile.options_in(folder)
        with running(models(profile.model), options, folder) as server:
            return {case.name: ask(server.url, case) for case in profile.cases}

    def answers(profile: ShapeProfile) -> dict[str, Json]:
        if profile.name not in known:
            try:
                known[profile.name] = ask_all(profile)
            except Exception as error:
                known[profile.name] = error
        found = known[profile.name]
        if isinstance(found, Exception):
            raise found
        return found

    return answers
