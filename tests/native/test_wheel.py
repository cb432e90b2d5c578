"""What goes into a wheel, asked of the build without packing one: packing takes half a minute."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from server.api.webui import webui_files

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ROOT / "llama_ctypes" / "lib"

BUILD = """
import sys
import setuptools
from distutils.core import run_setup

words = ["-q", "build_py", "--build-lib", sys.argv[1]]
distribution = run_setup("setup.py", words, stop_after="commandline")
distribution.run_commands()
wheel = distribution.get_command_obj("bdist_wheel")
wheel.ensure_finalized()
print(*wheel.get_tag())
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder that a wheel would be packed of, and the wheel's tags."""
    folder = tmp_path_factory.mktemp("build")
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return folder, done.stdout.decode().split()


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_wheel_carries_the_page(built: tuple[Path, list[str]]) -> None:
    page = names(built[0] / "server" / "static")
    # the font goes with its licence, which is not served
    licences = {name for name in page if name.endswith(".LICENSE.txt")}
    assert page - licences == {name for name in webui_files() if name}
    assert ("lib/Inter.woff2" in page) == bool(licences)


def test_a_wheel_carries_all_modules(built: tuple[Path, list[str]]) -> None:
    for package in ("server", "llama_ctypes", "bench"):
        modules = {p.relative_to(ROOT).as_posix() for p in (ROOT / package).rglob("*.py")}
        assert modules <= names(built[0])
    assert (built[0] / "llama_ctypes" / "py.typed").is_file()


@pytest.mark.model
def test_a_wheel_carries_the_libraries_and_is_for_this_platform(
    built: tuple[Path, list[str]],
) -> None:
    folder, (python, abi, platform) = built
    libraries = {path.name for path in LIBRARIES.iterdir() if path.is_file()}
    assert "ABI" in libraries and any(name.startswith("libllama.") for name in libraries)
    assert names(folder / "llama_ctypes" / "lib") == libraries
    assert (python, abi) == ("py3", "none") and platform != "any"
