"""When ./build_native.sh compiles, what it installs, and what it refuses to install."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.native.conftest import Clone
from tests.native.conftest import make_clone

BACKEND = """
def prepare_metadata_for_build_wheel(directory, config_settings=None):
    import pathlib
    info = pathlib.Path(directory) / "llama_cpp_python-0.3.36.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text(
        "Metadata-Version: 2.1\\nName: llama-cpp-python\\nVersion: 0.3.36\\n")
    return info.name
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def built(clone: Clone, *arguments: str, **variables: str) -> list[str]:
    """Build, and return which of cmake and ninja were called for it."""
    calls = Path(clone.variables["CALLS"])
    calls.write_text("")
    result = clone.build(*arguments, **variables)
    assert result.returncode == 0, result.stderr
    return calls.read_text().split()


def test_first_run_compiles_and_installs_with_a_stamp(quick: Clone) -> None:
    assert built(quick) == ["cmake", "ninja"]
    assert {path.name for path in quick.lib.iterdir()} == {
        "libllama.so",
        "libggml.so",
        "ABI",
        "OPTIONS",
    }


def test_stamp_is_what_the_binding_asks_for(quick: Clone) -> None:
    built(quick)
    code = (
        "from llama_ctypes import abi; from pathlib import Path; "
        "print(abi.read_stamp(Path('llama_ctypes/lib')).probe == abi.probe_hash())"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code], cwd=quick.root, capture_output=True, text=True
    )
    assert asked.stdout == "True\n"


def test_second_run_compiles_nothing(quick: Clone) -> None:
    built(quick)
    assert built(quick) == []


def test_second_clone_compiles_nothing(quick: Clone, tmp_path: Path) -> None:
    built(quick)
    second = make_clone(tmp_path / "second", quick.cache)
    second.variables = quick.variables
    assert built(second) == []
    assert (second.lib / "libllama.so").read_bytes() == (quick.lib / "libllama.so").read_bytes()


@pytest.mark.parametrize("change", ["option", "flags"])
def test_other_options_are_another_build(quick: Clone, change: str) -> None:
    built(quick)
    first = (quick.lib / "libllama.so").read_bytes()
    if change == "option":
        assert built(quick, "-DGGML_OPENMP=OFF") == ["cmake", "ninja"]
    else:
        assert built(quick, CFLAGS="-O1") == ["cmake", "ninja"]
    assert (quick.lib / "libllama.so").read_bytes() != first
    assert built(quick) == []
    assert (quick.lib / "libllama.so").read_bytes() == first


def arguments(clone: Clone, tool: str) -> list[str]:
    """What cmake or ninja was last called with."""
    return Path(f"{clone.variables['CALLS']}.{tool}").read_text().splitlines()


def test_options_reach_cmake_after_the_defaults_and_jobs_reach_ninja(quick: Clone) -> None:
    built(quick, "-DGGML_OPENMP=ON", "--jobs", "3", "-DGGML_BLAS_VENDOR=Flame Blas")
    words = arguments(quick, "cmake")
    assert words.index("-DGGML_OPENMP=OFF") < words.index("-DGGML_OPENMP=ON")
    assert "-DGGML_BLAS_VENDOR=Flame Blas" in words
    assert arguments(quick, "ninja")[2:4] == ["-j", "3"]


def test_options_are_noted_for_make_to_repeat(quick: Clone) -> None:
    built(quick, "-DCMAKE_CUDA_ARCHITECTURES=80;90")
    assert (quick.lib / "OPTIONS").read_text() == r"-DCMAKE_CUDA_ARCHITECTURES=80\;90 "


def test_clean_compiles_again(quick: Clone) -> None:
    built(quick)
    assert built(quick, "--clean") == ["cmake", "ninja"]


def test_checkout_is_compiled_when_ninja_says_so(quick: Clone, pinned_source: Path) -> None:
    assert built(quick, LLAMA_CPP_DIR=str(pinned_source)) == ["cmake", "ninja"]
    assert built(quick, LLAMA_CPP_DIR=str(pinned_source)) == ["ninja"]


def test_library_of_an_earlier_build_is_removed(quick: Clone) -> None:
    built(quick)
    (quick.lib / "libggml-cuda.so").touch()
    built(quick)
    assert not (quick.lib / "libggml-cuda.so").exists()


def test_damaged_library_is_installed_again(quick: Clone) -> None:
    built(quick)
    (quick.lib / "libllama.so").write_text("damaged")
    assert built(quick) == []
    assert (quick.lib / "libllama.so").read_text() != "damaged"


def test_failed_compilation_installs_nothing_and_is_tried_again(quick: Clone) -> None:
    failed = quick.build(BREAK_NINJA="1")
    assert failed.returncode == 1
    assert "did not compile" in failed.stderr
    assert not quick.lib.exists()
    assert built(quick) == ["ninja"]


def test_hooks_that_miss_their_places_are_said_and_never_in_the_pinned_source(
    quick: Clone, pinned_source: Path
) -> None:
    failed = quick.build(HOOKS_MISS="1")
    assert failed.returncode == 1
    assert "llamactl: ops.cpp is another one" in failed.stderr
    assert "does not fit the pinned source" in failed.stderr
    checkout = quick.build(HOOKS_MISS="1", LLAMA_CPP_DIR=str(pinned_source))
    assert checkout.returncode == 0
    assert "llamactl: ops.cpp is another one" in checkout.stderr
    assert built(quick) == ["cmake", "ninja"]


def test_lock_of_a_dead_build_is_taken_over(quick: Clone) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    (quick.cache / "lock").mkdir()
    (quick.cache / "lock" / "pid").write_text(f"{ended.pid}\n")
    assert built(quick) == ["cmake", "ninja"]
    assert not (quick.cache / "lock").exists()


def test_declaration_that_the_headers_refuse_withdraws_the_stamp(quick: Clone) -> None:
    built(quick)
    module = quick.root / "llama_ctypes" / "raw" / "types.py"
    text = module.read_text()
    assert "n_tokens: Int32" in text
    module.write_text(text.replace("n_tokens: Int32", "n_tokens: Int64", 1))
    failed = quick.build()
    assert failed.returncode == 1
    assert "llama_batch.n_tokens" in failed.stderr
    assert "the libraries will not load" in failed.stderr
    assert not (quick.lib / "ABI").exists()


def test_sdist_with_another_hash_is_not_unpacked(clone: Clone, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with tarfile.open(wheels / "llama_cpp_python-0.3.36.tar.gz", "w:gz") as sdist:
        for name, text in (
            ("PKG-INFO", "Metadata-Version: 2.1\nName: llama-cpp-python\nVersion: 0.3.36\n"),
            ("pyproject.toml", PROJECT),
            ("backend.py", BACKEND),
            ("vendor/llama.cpp/include/llama.h", ""),
        ):
            member = tarfile.TarInfo(f"llama_cpp_python-0.3.36/{name}")
            member.size = len(text)
            sdist.addfile(member, io.BytesIO(text.encode()))
    result = clone.build(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels), PIP_CONFIG_FILE=os.devnull)
    assert result.returncode == 1
    assert "expected 832db0699007" in result.stderr
    assert not clone.source.exists()


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
def test_commit_of_a_checkout_is_gits(quick: Clone, pinned_source: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "llama.cpp"
    git = ["git", "-C", str(checkout), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for header in ("include", "ggml/include", "tools/mtmd"):
        shutil.copytree(pinned_source / header, checkout / header)
    for command in (["init", "-q"], ["add", "include"], ["commit", "-q", "-m", "headers"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run([*git, "rev-parse", "--short=9", "HEAD"], capture_output=True, text=True)
    built(quick, LLAMA_CPP_DIR=str(checkout))
    assert f"commit {head.stdout.strip()}\n" in (quick.lib / "ABI").read_text()
