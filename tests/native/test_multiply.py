"""Products of repacked Q4_0 weights are ggml's, bit for bit, but faster (native/ggml/multiply.h).

The header is compiled alone, beside a plain product that adds in ggml's order.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.native.conftest import ROOT

PROGRAM = Path(__file__).with_name("multiply.cpp")

LEFT_TO_GGML = 77


def has_vnni() -> bool:
    flags = Path("/proc/cpuinfo")
    return flags.is_file() and "avx512_vnni" in flags.read_text()


def test_products_are_exact(tmp_path: Path) -> None:
    if not Path("/proc/cpuinfo").is_file() or os.uname().machine != "x86_64":
        pytest.skip("the header is compiled on x86 alone")
    program = tmp_path / "program"
    flags = ["-march=native" if has_vnni() else "-mf16c", "-std=c++17", "-O1"]
    include = ROOT / "native" / "ggml"
    command = [os.environ.get("CXX", "c++"), *flags, "-I", include, PROGRAM, "-o", program]
    subprocess.run(command, check=True)
    done = subprocess.run([program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0 if has_vnni() else LEFT_TO_GGML, "")


def test_the_pinned_source_has_the_places_once(pinned_source: Path) -> None:
    code = (pinned_source / "ggml/src/ggml-cpu/arch/x86/repack.cpp").read_text()
    hooks = (ROOT / "native" / "ggml" / "hooks.cmake").read_text()
    place = hooks.split('set(LLAMACTL_GEMM "', 1)[1].split('")\n', 1)[0]
    assert code.count(place) == code.count(place.replace("gemm", "gemv")) == 1
