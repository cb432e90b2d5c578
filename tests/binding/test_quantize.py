"""Converting model files."""

from __future__ import annotations

from pathlib import Path

import pytest

from llama_ctypes.errors import QuantizeError
from llama_ctypes.model import Model
from llama_ctypes.quantize import default_params
from llama_ctypes.quantize import quantize
from llama_ctypes.raw.enums import llama_ftype


def test_quantized_model_is_smaller_and_loads(tiny_model_path: Path, tmp_path: Path) -> None:
    params = default_params()
    params.ftype, params.nthread = llama_ftype.LLAMA_FTYPE_MOSTLY_Q8_0, 1
    quantize(tiny_model_path, tmp_path / "q8.gguf", params)
    with Model.load(tmp_path / "q8.gguf") as model:
        assert model.ftype_name == "Q8_0"
    assert (tmp_path / "q8.gguf").stat().st_size < tiny_model_path.stat().st_size / 2


def test_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(QuantizeError, match=r"/no/such\.gguf: no such file"):
        quantize("/no/such.gguf", tmp_path / "out.gguf")


def test_broken_source_is_named(tiny_model_path: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(tiny_model_path.read_bytes()[:5000])
    with pytest.raises(QuantizeError, match=r"cut\.gguf could not be quantized: "):
        quantize(cut, tmp_path / "out.gguf")
