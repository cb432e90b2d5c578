"""Real runners of the tiny model, made as `llamactl serve` makes them: from a command line."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from llama_ctypes import log
from server.engine.llama.config import RunnerConfig
from server.engine.llama.runner import LlamaRunner
from server.launch import runner_config
from server.options.resolve import settings_from

Load = Callable[..., LlamaRunner]


def config_of(*words: str, path: str = "model.gguf") -> RunnerConfig:
    """What these options come to."""
    return runner_config(settings_from(["-m", path, *words], {}))


@pytest.fixture
def told() -> Iterator[list[str]]:
    """The lines that libllama and the runner log meanwhile."""
    lines: list[str] = []
    log.set_sink(lambda level, line: lines.append(line) if level > logging.DEBUG else None)
    yield lines
    log.set_sink(None)


@pytest.fixture
def load(tiny_model_path: Path) -> Iterator[Load]:
    """Load the tiny model with some options; closed after the test."""
    runners: list[LlamaRunner] = []

    def load_with(*words: str, path: Path = tiny_model_path) -> LlamaRunner:
        small = ("-c", "256", "-np", "1", "-t", "1")
        config = config_of(*small, *words, path=str(path))
        runners.append(LlamaRunner.load(config, lambda progress: True))
        return runners[-1]

    yield load_with
    for runner in runners:
        runner.close()


RPC_SERVER = """
import ctypes, sys
from llama_ctypes import device
from llama_ctypes.raw import rpc
devices = device.device_array([device.by_name("CPU")])
rpc.ggml_backend_rpc_start_server(sys.argv[1].encode(), None, 1, 1, devices)
"""


@pytest.fixture
def rpc_server() -> Iterator[str]:
    """host:port of a ggml RPC server that offers this machine's CPU."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{free.getsockname()[1]}"
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", RPC_SERVER, endpoint], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    assert any("endpoint" in line for line in lines)
    yield endpoint
    process.kill()
    process.wait()
    process.stdout.close()
