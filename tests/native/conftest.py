"""A clone of the build script in a temporary directory, with stand-ins for cmake and ninja.

The stand-ins note that they were called and write something for libraries; the binding, the headers
and the C compiler that judges the declarations are the real ones.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "build_native.sh"

CMAKE = """#!/bin/sh
echo cmake >>"$CALLS"
printf '%s\n' "$@" >"$CALLS.cmake"
[ -z "$HOOKS_MISS" ] || printf 'CMake Warning:\n  llamactl: ops.cpp is another one\n'
"""
NINJA = """#!/bin/sh
echo ninja >>"$CALLS"
printf '%s\n' "$@" >"$CALLS.ninja"
[ -z "$BREAK_NINJA" ] || exit 1
mkdir -p "$2/bin" && echo "$2" | tee "$2/bin/libllama.so" >"$2/bin/libggml.so"
"""


@dataclass(slots=True)
class Clone:
    """A checkout of the project with a build script to run."""

    root: Path
    cache: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def lib(self) -> Path:
        return self.root / "llama_ctypes" / "lib"

    @property
    def source(self) -> Path:
        return Path(self.build("--print", "source").stdout.strip())

    def build(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.run(
            ["bash", str(self.root / "build_native.sh"), *arguments],
            env=kept
            | {"LLAMACTL_CACHE": str(self.cache), "PYTHON": sys.executable}
            | self.variables
            | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )


def make_clone(root: Path, cache: Path) -> Clone:
    """A copy of what the build needs, nothing built."""
    ignored = shutil.ignore_patterns("lib", "__pycache__")
    shutil.copytree(ROOT / "llama_ctypes", root / "llama_ctypes", ignore=ignored)
    shutil.copytree(ROOT / "native", root / "native")
    shutil.copy(SCRIPT, root)
    return Clone(root, cache)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A clone with an empty cache and no stand-ins."""
    return make_clone(tmp_path / "clone", tmp_path / "cache")


@pytest.fixture
def pinned_source() -> Path:
    """The real source tree; it is there once ./build_native.sh has run."""
    if shutil.which(os.environ.get("CC", "cc")) is None:
        pytest.skip("no C compiler")
    printed = subprocess.run([SCRIPT, "--print", "source"], capture_output=True, text=True)
    source = Path(printed.stdout.strip())
    if not (source / "include" / "llama.h").is_file():
        pytest.skip("the pinned source is not in the cache: run ./build_native.sh")
    return source


@pytest.fixture
def quick(clone: Clone, pinned_source: Path, tmp_path: Path) -> Clone:
    """A clone whose cache holds the real source and whose cmake and ninja do next to nothing."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in (("cmake", CMAKE), ("ninja", NINJA)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    clone.variables = {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
    }
    clone.source.parent.mkdir(parents=True)
    clone.source.symlink_to(pinned_source)
    return clone
