"""Servers that the tests of this room share; each starts when the first test asks for it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e import live
from tests.e2e import models
from tests.e2e.live import LiveServer

N_SLOTS = 50
PING_S = 1

ONE_THREAD = ("-t", "1")
"""Two that wait for each other are slow where other programs want the CPUs too."""

Starter = Callable[..., LiveServer]


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny random model with a context of 65536 tokens."""
    return models.tiny(tmp_path_factory.mktemp("e2e") / "tiny.gguf")


@pytest.fixture(scope="session")
def shared_tiny(tiny_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The tiny model with many slots, and batches so small that long prompts take minutes."""
    log_path = tmp_path_factory.mktemp("tiny") / "log"
    slots = ("-np", str(N_SLOTS), "--kv-unified", "-c", "65536", "--cache-ram", "0")
    limits = ("-b", "64", "-ub", "64", "--sse-ping-interval", str(PING_S), "--max-body-mib", "1")
    server = live.start(["-m", tiny_path, *ONE_THREAD, *slots, *limits], log_path)
    yield server
    try:
        assert server.stop() == 0
    finally:
        server.kill()


@pytest.fixture
def tiny(shared_tiny: LiveServer) -> Iterator[LiveServer]:
    """The tiny server; a test that leaves one of its slots busy has failed."""
    yield shared_tiny
    shared_tiny.wait_idle()


@pytest.fixture(scope="session")
def demo(smollm2_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """`llamactl serve --demo` with eight slots: SmolLM2-135M-Instruct."""
    assert smollm2_path.is_file()
    log_path = tmp_path_factory.mktemp("demo") / "log"
    # 8 times 2048 tokens take a quarter of what 8 times 8192 do, and the time to clear them
    server = live.start(["--demo", "-np", "8", "-c", "16384", *ONE_THREAD], log_path)
    yield server
    try:
        assert server.stop() == 0
    finally:
        server.kill()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Starts servers, with the arguments of `live.start`, and ends those that a test leaves."""
    servers: list[LiveServer] = []

    def start_server(
        *args: str | Path,
        command: tuple[str, ...] | None = None,
        environment: Mapping[str, str] | None = None,
        port: int | None = None,
        ready: bool = True,
    ) -> LiveServer:
        log_path = tmp_path / f"log{len(servers)}"
        server = live.start(
            args, log_path, command=command, environment=environment, port=port, ready=ready
        )
        servers.append(server)
        return servers[-1]

    yield start_server
    for server in servers:
        server.kill()
