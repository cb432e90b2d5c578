"""Real runners of the tiny model, made as `llamactl serve` makes them: from a command line."""

from __future__ import annotations

import logging
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
