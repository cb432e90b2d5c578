from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import pytest

from tests.abi.headers import source_tree


@pytest.fixture(scope="session")
def source() -> Path:
    """The llama.cpp source; a developer may lack it, CI may not."""
    path = source_tree()
    if path is None:
        missing = "no llama.cpp source: run ./build_native.sh or set LLAMA_CPP_DIR"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return path


@pytest.fixture(scope="session")
def compiler() -> None:
    """A C compiler is there."""
    if shutil.which(shlex.split(os.environ.get("CC") or "cc")[0]) is None:
        pytest.skip("no C compiler")
