"""The one thing that setup.cfg cannot say: what a wheel with shared libraries in it runs on.

A wheel built after ./build_native.sh carries llama_ctypes/lib: it is for one system and processor
but, ctypes being no extension module, for every Python. Without libraries it is for any system.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.dist import Distribution

LIBRARIES = Path(__file__).parent / "llama_ctypes" / "lib"


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


setup(distclass=NativeDistribution, cmdclass={"bdist_wheel": NativeWheel})
