"""Products of few rows are ggml's bit for bit, but faster (multiply.h: Q4_0, bytes.h: Q8_0).

Each header is compiled alone, beside a plain product that adds in ggml's order.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.native.exactness import assert_exact
from tests.native.exactness import place

HERE = Path(__file__).parent


@pytest.mark.parametrize("program", ["multiply.cpp", "bytes.cpp"])
def test_products_are_exact(program: str, tmp_path: Path) -> None:
    assert_exact(HERE / program, tmp_path)


def test_the_pinned_source_has_the_places_once(pinned_source: Path) -> None:
    ggml = pinned_source / "ggml/src/ggml-cpu"
    repack = (ggml / "arch/x86/repack.cpp").read_text()
    gemm = place("LLAMACTL_GEMM")
    assert repack.count(gemm) == repack.count(gemm.replace("gemm", "gemv")) == 1
    assert (ggml / "llamafile/sgemm.cpp").read_text().count(place("LLAMACTL_SGEMM_Q8_0")) == 1
