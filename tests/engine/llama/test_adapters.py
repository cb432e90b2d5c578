"""Adapters and control vectors that can't be used: a sentence that names option and file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from server.engine.errors import LoadFailed
from tests.engine.llama.conftest import Load
from tests.tiny_models import TinySpec
from tests.tiny_models import build_tiny_control_vector
from tests.tiny_models import build_tiny_lora

pytestmark = pytest.mark.model


def steering(path: Path, option: str, n_embd: int) -> Path:
    """A file for a model of so many dimensions; the tiny one has 64."""
    if option == "--lora":
        return build_tiny_lora(path, TinySpec(n_embd=n_embd))
    return build_tiny_control_vector(path, {"direction.1": np.ones(n_embd, np.float32)})


@pytest.mark.parametrize("option", ["--lora", "--control-vector"])
@pytest.mark.parametrize("kind", ["missing", "text", "model", "cut short", "of other sizes"])
def test_a_file_that_does_not_fit_is_named(
    load: Load, tiny_model_path: Path, tmp_path: Path, option: str, kind: str
) -> None:
    path = tmp_path / "steering.gguf"
    match kind:
        case "text":
            path.write_text("not a GGUF file")
        case "model":
            path = tiny_model_path
        case "cut short":
            path.write_bytes(steering(path, option, 64).read_bytes()[:-100])
        case "of other sizes":
            steering(path, option, 32)
    with pytest.raises(LoadFailed) as caught:
        load(option, str(path))
    assert str(caught.value).startswith(f"{option}: {path}")
    assert "\n" not in str(caught.value)
