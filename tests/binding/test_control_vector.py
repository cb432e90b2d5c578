"""Control vectors: what files may hold, how they add up, and that they act."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from llama_ctypes.batch import Batch
from llama_ctypes.context import Context
from llama_ctypes.control_vector import add_up
from llama_ctypes.control_vector import load_directions
from llama_ctypes.errors import AdapterError
from tests.tiny_models import Floats
from tests.tiny_models import build_tiny_control_vector
from tests.tiny_models import build_tiny_lora

N_EMBD = 64


def direction(value: float, n_embd: int = N_EMBD) -> Floats:
    return np.full(n_embd, value, np.float32)


def logits(context: Context) -> list[float]:
    context.memory.clear()
    batch = Batch(4)
    batch.extend([1, 260, 261], 0, 0, True)
    context.decode(batch)
    values: list[float] = context.logits(-1).tolist()
    return values


def test_directions_come_by_layer(tmp_path: Path) -> None:
    tensors = {"direction.2": direction(2.0), "direction.1": direction(1.0)}
    directions = load_directions(build_tiny_control_vector(tmp_path / "v.gguf", tensors))
    assert {layer: row.tolist() for layer, row in directions.items()} == {
        1: [1.0] * N_EMBD,
        2: [2.0] * N_EMBD,
    }


def test_vectors_are_scaled_and_added_up() -> None:
    one = {1: direction(1.0, 2), 2: direction(2.0, 2)}
    other = {2: direction(10.0, 2), 9: direction(99.0, 2)}
    total = add_up([(one, 2.0), (other, -0.5)], n_layer=4, n_embd=2)
    assert total.tolist() == [[2.0, 2.0], [-1.0, -1.0], [0.0, 0.0]]


def test_a_vector_acts_on_its_layers_only(context: Context) -> None:
    plain = logits(context)
    context.apply_control_vector(add_up([({1: direction(0.5)}, 1.0)], 2, N_EMBD))
    steered = logits(context)
    context.apply_control_vector(add_up([({1: direction(0.5)}, 1.0)], 2, N_EMBD), 2, 2)
    elsewhere = logits(context)
    assert steered != plain
    assert elsewhere == plain


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ({"direction.0": direction(1.0)}, "'direction.0' is not named"),
        ({"direction.x": direction(1.0)}, "'direction.x' is not named"),
        ({"blk.1": direction(1.0)}, "'blk.1' is not named"),
        ({"direction.1": direction(1.0).astype(np.float16)}, "not one row of 32-bit floats"),
        ({"direction.1": direction(1.0).reshape(2, -1)}, "not one row of 32-bit floats"),
        ({"direction.1": direction(1.0), "direction.2": direction(1.0, 8)}, "differ in length"),
        ({}, "it has no tensors"),
    ],
)
def test_what_is_no_control_vector_is_refused(
    tmp_path: Path, tensors: dict[str, Floats], reason: str
) -> None:
    path = build_tiny_control_vector(tmp_path / "v.gguf", tensors)
    with pytest.raises(AdapterError, match=rf"v\.gguf is not a control vector: .*{reason}"):
        load_directions(path)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="is not a control vector"):
        load_directions(build_tiny_lora(tmp_path / "lora.gguf"))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(AdapterError, match=r"/no/such\.gguf: no such file"):
        load_directions("/no/such.gguf")


@pytest.mark.parametrize("n_missing", [8, 300, 560])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, n_missing: int) -> None:
    tensors = {f"direction.{layer}": direction(1.0) for layer in (1, 2)}
    whole = build_tiny_control_vector(tmp_path / "v.gguf", tensors).read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[:-n_missing])
    with pytest.raises(AdapterError, match=r"cut\.gguf"):
        load_directions(tmp_path / "cut.gguf")


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.gguf").write_text("hello")
    with pytest.raises(AdapterError, match="is not a GGUF file"):
        load_directions(tmp_path / "v.gguf")
