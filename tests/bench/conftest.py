"""Real servers over tiny models, and a scripted one for what no server should do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.client import connect
from bench.scenario import Outcome
from bench.scenario import Scenario
from bench.servers import Target
from bench.servers import ours
from bench.servers import running
from tests.bench.scripted import Scripted
from tests.bench.scripted import scripted_server
from tests.tiny_models import CHATML
from tests.tiny_models import TinySpec
from tests.tiny_models import build_tiny_model

ARGUMENTS = ("-c", "8192", "-np", "4", "-t", "1", "-fa", "off")
"""A random model has near ties. Flash attention sums in half precision, in the order of the cells,
and may break them either way."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """`llamactl serve` with a random model."""
    directory = tmp_path_factory.mktemp("bench")
    path = build_tiny_model(directory / "tiny.gguf", TinySpec(n_ctx=8192, chat_template=CHATML))
    with running(ours(f"-m {path}", ARGUMENTS), directory / "log") as target:
        yield target


@pytest.fixture(scope="session")
def different_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The same with other weights, so that it says something else."""
    directory = tmp_path_factory.mktemp("bench-different")
    spec = TinySpec(n_ctx=8192, chat_template=CHATML, seed=7)
    path = build_tiny_model(directory / "tiny.gguf", spec)
    with running(ours(f"-m {path}", ARGUMENTS), directory / "log") as target:
        yield target


@pytest.fixture()
def scripted() -> Iterator[Scripted]:
    """A server that answers what a test puts into it."""
    with scripted_server() as served:
        yield served


def run(scenario: Scenario, url: str, seed: int = 1) -> Outcome:
    """One run of a scenario."""

    async def once() -> Outcome:
        async with connect(url) as client:
            return await asyncio.wait_for(scenario.run(client, seed), 60)

    return asyncio.run(once())


def figures(scenario: Scenario) -> set[str]:
    """The keys that an outcome of the scenario has to have."""
    return {metric.key for metric in scenario.metrics}


def write(path: Path, text: str) -> Path:
    """A file with that text."""
    path.write_text(text, encoding="utf-8")
    return path
