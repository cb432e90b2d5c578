"""The files of `deploy/`, the programs that they are for, and what is read out of them.

It starts nothing.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from server.options.registry import OPTIONS

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"

VARIABLES = {option.env for option in OPTIONS if option.env}
"""Variables that the option table knows."""


def program(name: str, package: str) -> str:
    """Where a program is; without it CI fails, and a test of somebody else's machine is skipped."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found:
        return found
    remedy = f"{name} is missing: apt install {package}"
    if os.environ.get("CI"):
        pytest.fail(remedy)
    pytest.skip(remedy)


def environment_lines(text: str) -> dict[str, str]:
    """NAME=VALUE lines; comments and empty lines are left out."""
    lines = (line.strip() for line in text.splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
