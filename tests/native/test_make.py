"""When `make` builds the libraries: the first time, and with options that were not those before."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.native.conftest import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What make looks at, where all is installed; the libraries were built with -DGGML_BLAS=ON."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    lib = tmp_path / "llama_ctypes" / "lib"
    lib.mkdir(parents=True)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    inputs = ("build_native.sh", "setup.cfg", "setup.py", "pyproject.toml", ".venv/bin/python")
    for name in (*inputs, ".venv/installed", "llama_ctypes/lib/ABI"):
        (tmp_path / name).touch()
    (lib / "OPTIONS").write_text("-DGGML_BLAS=ON ")
    return tmp_path


def builds(checkout: Path, *words: str) -> list[str]:
    """How make would call the build script."""
    argv = ["make", "-n", "llama_ctypes/lib/ABI", *words]
    # not what a make that runs the tests was called with
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "NATIVE")}
    said = subprocess.run(
        argv, cwd=checkout, env=environment, capture_output=True, text=True, check=True
    ).stdout
    return [line.strip() for line in said.splitlines() if line.startswith("./build_native.sh")]


def test_the_options_of_the_last_build_are_kept(checkout: Path) -> None:
    assert builds(checkout) == []
    (checkout / "llama_ctypes" / "lib" / "ABI").unlink()
    assert builds(checkout) == ["./build_native.sh -DGGML_BLAS=ON"]


@pytest.mark.parametrize("options", ["-DGGML_CUDA=ON", "-DGGML_BLAS=ON -DGGML_CUDA=ON", ""])
def test_other_options_build_again(checkout: Path, options: str) -> None:
    assert builds(checkout, f"NATIVE={options}") == [f"./build_native.sh {options}".strip()]


def test_the_same_options_build_nothing(checkout: Path) -> None:
    assert builds(checkout, "NATIVE=-DGGML_BLAS=ON") == []
