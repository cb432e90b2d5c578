"""Control vectors as GGUF files hold them: a direction for each layer, to be scaled and added up.

Context.apply_control_vector takes the sum. Answers to common_control_vector_load of llama.cpp
common/common.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping

import numpy as np

from llama_ctypes.buffers import Floats
from llama_ctypes.buffers import StrPath
from llama_ctypes.errors import AdapterError
from llama_ctypes.gguf_file import TensorPlace
from llama_ctypes.gguf_file import complaint_before
from llama_ctypes.gguf_file import cut_short
from llama_ctypes.gguf_file import tensor_places
from llama_ctypes.raw.ggml import ggml_type

Directions = Mapping[int, Floats]
"""By layer, from 1 on: (n_embd,) float32."""

_NAME = re.compile(r"direction\.([1-9]\d*)", re.ASCII)


def load_directions(path: StrPath) -> Directions:
    """The directions of one file. AdapterError: one sentence that says what is wrong."""
    complaint = complaint_before(path)
    places = None if complaint else tensor_places(path)
    if places is None:
        raise AdapterError(complaint or cut_short(path) or f"{path}: its header makes no sense")
    complaint = cut_short(path) or next(filter(None, map(_complaint, places)), None)
    if complaint or not places:
        raise AdapterError(f"{path} is not a control vector: {complaint or 'it has no tensors'}")
    directions = {_layer(place): _read(path, place) for place in places}
    if len({len(direction) for direction in directions.values()}) > 1:
        raise AdapterError(f"{path} is not a control vector: its directions differ in length")
    return directions


def add_up(vectors: Iterable[tuple[Directions, float]], n_layer: int, n_embd: int) -> Floats:
    """(n_layer - 1, n_embd) float32, row 0 for layer 1; what the model lacks is left out."""
    total = np.zeros((max(n_layer - 1, 0), n_embd), np.float32)
    for directions, scale in vectors:
        for layer, direction in directions.items():
            if layer <= len(total):
                total[layer - 1] += np.float32(scale) * direction
    return total


def _layer(place: TensorPlace) -> int:
    match = _NAME.fullmatch(place.name)
    return int(match[1]) if match else 0


def _complaint(place: TensorPlace) -> str | None:
    if not _layer(place):
        return f"its tensor {place.name!r} is not named direction.<layer, from 1 on>"
    if place.type != ggml_type.GGML_TYPE_F32 or len(place.shape) != 1:
        return f"its tensor {place.name!r} is not one row of 32-bit floats"
    return None


def _read(path: StrPath, place: TensorPlace) -> Floats:
    return np.fromfile(path, np.float32, place.shape[0], offset=place.offset)
