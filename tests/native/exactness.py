"""Compiles a header of native/ggml beside plain code that adds in ggml's order, and runs it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.native.conftest import ROOT

LEFT_TO_GGML = 77


def has_vnni() -> bool:
    flags = Path("/proc/cpuinfo")
    return flags.is_file() and "avx512_vnni" in flags.read_text()


def assert_exact(source: Path, folder: Path) -> None:
    """What source prints and returns is what this processor should make it."""
    if not Path("/proc/cpuinfo").is_file() or os.uname().machine != "x86_64":
        pytest.skip("the header is compiled on x86 alone")
    program = folder / "program"
    flags = ["-march=native" if has_vnni() else "-mf16c", "-std=c++17", "-O1"]
    include = ROOT / "native" / "ggml"
    command = [os.environ.get("CXX", "c++"), *flags, "-I", include, source, "-o", program]
    subprocess.run(command, check=True)
    done = subprocess.run([program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0 if has_vnni() else LEFT_TO_GGML, "")


def place(name: str) -> str:
    """A place in ggml's code as hooks.cmake names it."""
    hooks = (ROOT / "native" / "ggml" / "hooks.cmake").read_text()
    return hooks.split(f'set({name} "', 1)[1].split('")\n', 1)[0].replace("\\n", "\n")
