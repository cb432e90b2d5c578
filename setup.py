"""What setup.cfg cannot say: what a wheel with libraries in it runs on, and where the page goes.

A wheel built after ./build_native.sh carries llama_ctypes/lib: it is for one system and processor
but, ctypes being no extension module, for every Python. Without libraries it is for any system.
The files of static/ lie beside the packages in a checkout, and in server/static in a wheel.
"""

from __future__ import annotations

from pathlib import Path
from shutil import copytree
from shutil import ignore_patterns

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.dist import Distribution

ROOT = Path(__file__).parent
LIBRARIES = ROOT / "llama_ctypes" / "lib"
NOT_SERVED = ignore_patterns("node_modules", "package*.json", "*.mjs")


class NativeDistribution(Distribution):
    """A distribution that is platform-specific once the libraries are built."""

    def has_ext_modules(self) -> bool:
        """Whether there are libraries to carry."""
        return any(LIBRARIES.glob("lib*"))


class NativeWheel(bdist_wheel):
    """Tags the wheel py3-none-<platform>."""

    def get_tag(self) -> tuple[str, str, str]:
        """The tags of the file name: Python, ABI, platform."""
        return "py3", "none", super().get_tag()[2]


class BuildWithPage(build_py):
    """Takes the page along."""

    def run(self) -> None:
        """Copy the packages, then the page."""
        super().run()
        if not self.editable_mode:
            page = Path(self.build_lib) / "server" / "static"
            copytree(ROOT / "static", page, ignore=NOT_SERVED, dirs_exist_ok=True)


setup(
    distclass=NativeDistribution,
    cmdclass={"bdist_wheel": NativeWheel, "build_py": BuildWithPage},
)
