"""What stands in for ggml's loops gives their results, bit for bit (native/ggml).

Products of few rows of Q4_0 weights (multiply.h) and Q8_0 weights (bytes.h), attention of few rows
(attend.h) and the tiles of that of many (tile.h): each header is compiled alone, beside plain loops
in ggml's order.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.native.exactness import assert_exact
from tests.native.exactness import place

HERE = Path(__file__).parent


AVX_512 = ("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni", "-mf16c", "-mfma")


@pytest.mark.parametrize("program", ["multiply.cpp", "bytes.cpp", "tile.cpp"])
def test_results_are_exact(program: str, tmp_path: Path) -> None:
    assert_exact(HERE / program, tmp_path, options=AVX_512)


@pytest.mark.parametrize("program", ["multiply.cpp", "bytes.cpp", "attend.cpp"])
def test_results_are_exact_without_avx_512(program: str, tmp_path: Path) -> None:
    assert_exact(HERE / program, tmp_path, "avx2", ("-mavx2", "-mf16c", "-mfma"))


def test_attention_is_exact_whatever_the_sizes_of_heads(tmp_path: Path) -> None:
    # with AVX512-FP16 it would be left to ggml, so not all is compiled in that the processor has
    options = ("-mavx512f", "-mavx512bw", "-mf16c", "-mfma")
    assert_exact(HERE / "attend.cpp", tmp_path, "avx512bw", options)


def test_the_pinned_source_has_the_places_once(pinned_source: Path) -> None:
    ggml = pinned_source / "ggml/src/ggml-cpu"
    repack = (ggml / "arch/x86/repack.cpp").read_text()
    gemm = place("LLAMACTL_GEMM")
    assert repack.count(gemm) == repack.count(gemm.replace("gemm", "gemv")) == 1
    ops = (ggml / "ops.cpp").read_text()
    assert ops.count(place("LLAMACTL_TILE_MASK")) == ops.count(place("LLAMACTL_TILE_KEYS")) == 1
    sgemm = (ggml / "llamafile/sgemm.cpp").read_text()
    assert sgemm.count(place("LLAMACTL_SGEMM_ONE_ROW")) == 1
    assert sgemm.count(place("LLAMACTL_SGEMM_Q8_0")) == 1
