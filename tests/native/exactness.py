"""Compiles a header of native/ggml beside plain code that adds in ggml's order, and runs it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.native.conftest import ROOT

LEFT_TO_GGML = 77
NATIVE = ("-march=native",)


def has(feature: str) -> bool:
    """Whether this processor has it, by its name in /proc/cpuinfo."""
    flags = Path("/proc/cpuinfo")
    return flags.is_file() and feature in flags.read_text()


def assert_exact(
    source: Path, folder: Path, needs: str = "avx512_vnni", options: tuple[str, ...] = NATIVE
) -> None:
    """What source prints and returns is what this processor should make it.

    It has what it needs if it is compiled with options; otherwise it leaves all to ggml.
    """
    if not Path("/proc/cpuinfo").is_file() or os.uname().machine != "x86_64":
        pytest.skip("the header is compiled on x86 alone")
    program = folder / "program"
    flags = [*(options if has(needs) else ("-mf16c",)), "-std=c++17", "-O1"]
    include = ROOT / "native" / "ggml"
    command = [os.environ.get("CXX", "c++"), *flags, "-I", include, source, "-o", program]
    subprocess.run(command, check=True)
    done = subprocess.run([program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0 if has(needs) else LEFT_TO_GGML, "")


def place(name: str) -> str:
    """A place in ggml's code as hooks.cmake names it."""
    hooks = (ROOT / "native" / "ggml" / "hooks.cmake").read_text()
    return hooks.split(f'set({name} "', 1)[1].split('")\n', 1)[0].replace("\\n", "\n")
