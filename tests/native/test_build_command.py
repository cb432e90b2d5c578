"""What ./build_native.sh says without building anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.native.conftest import Clone


def failure(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1
    return result.stderr


def test_print_lib_is_inside_the_package(clone: Clone) -> None:
    assert clone.build("--print", "lib").stdout == f"{clone.lib}\n"


def test_print_source_is_inside_the_cache(clone: Clone) -> None:
    assert clone.source.is_relative_to(clone.cache / "source")


def test_cache_follows_xdg_cache_home(clone: Clone, tmp_path: Path) -> None:
    result = clone.build("--print", "source", LLAMACTL_CACHE="", XDG_CACHE_HOME=str(tmp_path))
    assert result.stdout.startswith(f"{tmp_path}/llamactl/source/")


def test_print_source_of_a_checkout_is_the_checkout(clone: Clone, tmp_path: Path) -> None:
    result = clone.build("--print", "source", LLAMA_CPP_DIR=str(tmp_path / "clone" / ".."))
    assert result.stdout == f"{tmp_path}\n"


def test_printing_leaves_no_cache_behind(clone: Clone) -> None:
    clone.build("--print", "source")
    assert not clone.cache.exists()


def test_missing_checkout_is_named(clone: Clone) -> None:
    assert "LLAMA_CPP_DIR: no such directory: '/nowhere'" in failure(
        clone.build(LLAMA_CPP_DIR="/nowhere")
    )


def test_checkout_without_headers_is_refused(clone: Clone, tmp_path: Path) -> None:
    message = failure(clone.build(LLAMA_CPP_DIR=str(tmp_path)))
    assert f"LLAMA_CPP_DIR: '{tmp_path}' is no llama.cpp checkout" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--print", "tools"], "--print: expected 'source' or 'lib', got 'tools'"),
        (["--print"], "--print: expected 'source' or 'lib', got ''"),
        (["--jobs", "many"], "--jobs: expected a positive number, got 'many'"),
        (["--jobs=0"], "--jobs: expected a positive number, got '0'"),
        (["--jobs"], "--jobs: expected a number of jobs after it"),
        (["release"], "unexpected argument 'release'"),
    ],
    ids=" ".join,
)
def test_wrong_arguments_are_named(clone: Clone, arguments: list[str], message: str) -> None:
    assert message in failure(clone.build(*arguments))


@pytest.mark.parametrize("variable", ["CC", "CXX"])
def test_missing_compiler_comes_with_the_way_to_get_it(clone: Clone, variable: str) -> None:
    message = failure(clone.build(**{variable: "no-such-compiler -O2"}))
    assert f"(looked for 'no-such-compiler -O2'; ${variable} names another)" in message
    assert "apt install build-essential" in message
    assert "dnf install gcc" in message
    assert "xcode-select --install" in message


TOOLS = """bash cat cc c++ cp cut dirname gcc g++ getconf grep gzip head mkdir mv python3 rm rmdir
sed sh sleep tail tar touch tr uname"""


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH with what every system has and a compiler, but no cmake and no ninja."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for tool in TOOLS.split():
        if found := shutil.which(tool):
            (folder / tool).symlink_to(found)
    return str(folder)


def test_cmake_and_ninja_that_cannot_be_had_are_named(
    clone: Clone, pinned_source: Path, bare_path: str
) -> None:
    clone.variables = {"PATH": bare_path, "LLAMA_CPP_DIR": str(pinned_source)}
    result = clone.build(PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    assert "getting cmake ninja from PyPI" in result.stdout
    message = failure(result)
    assert "cmake ninja: missing, and could not be installed from PyPI" in message
    assert "apt install cmake ninja-build" in message


def test_source_that_cannot_be_had_comes_with_the_way_to_bring_it(
    clone: Clone, bare_path: str
) -> None:
    clone.variables = {"PATH": bare_path}
    message = failure(clone.build(PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull))
    assert "could not be downloaded from PyPI" in message
    assert "set LLAMA_CPP_DIR to a checkout of llama.cpp 0c1e57098" in message


@pytest.mark.parametrize("tool", ["tar", "gzip"])
def test_missing_unpacker_is_named_before_the_download(
    clone: Clone, bare_path: str, tool: str
) -> None:
    (Path(bare_path) / tool).unlink()
    clone.variables = {"PATH": bare_path}
    message = failure(clone.build(PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull))
    assert message.startswith(f"build_native: '{tool}' is missing")
    assert f"apt install {tool}" in message


def test_missing_python_is_named(clone: Clone) -> None:
    message = failure(clone.build(PYTHON="/nowhere/python"))
    assert "Python is missing (looked for '/nowhere/python'; $PYTHON names another)" in message


@pytest.mark.skipif(shutil.which("glslc") is not None, reason="this machine has glslc")
def test_missing_tool_of_a_backend_is_named(clone: Clone) -> None:
    assert "-DGGML_VULKAN=ON needs the shader compiler 'glslc'" in failure(
        clone.build("-DGGML_VULKAN=ON")
    )


def test_help_names_every_variable(clone: Clone) -> None:
    text = clone.build("--help").stdout
    assert all(name in text for name in ("LLAMA_CPP_DIR", "LLAMACTL_CACHE", "PYTHON", "CC, CXX"))
