"""Where llama.cpp's own server is, for recording.

LLAMACTL_REFERENCE names it; otherwise the tool that builds it, where that is there.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.e2e import live

VARIABLE = "LLAMACTL_REFERENCE"
LIBRARIES_VARIABLE = "LLAMACTL_REFERENCE_LIBRARIES"
TOOL = live.ROOT.parent / "shared" / "tools" / "reference_server"


def binary() -> str:
    """The path of llama-server. SystemExit where there is none."""
    given = os.environ.get(VARIABLE)
    if given:
        return given
    if not TOOL.is_file():
        raise SystemExit(f"{VARIABLE} must name the llama-server to record")
    built = subprocess.run([str(TOOL)], check=True, stdout=subprocess.PIPE, text=True)
    return built.stdout.strip()


def start(
    model: Path, options: Sequence[str], log_path: Path, libraries: str | None = None
) -> live.LiveServer:
    """Start it; libraries: a folder with another build of libggml-cpu, which comes first."""
    environment = {"LD_LIBRARY_PATH": libraries} if libraries else None
    args = ["-m", str(model), *options, "--no-warmup"]
    return live.start(args, log_path, command=[binary()], environment=environment)


def other_libraries() -> list[str]:
    """Folders with other builds of libggml-cpu, as for other machines."""
    return [folder for folder in os.environ.get(LIBRARIES_VARIABLE, "").split(os.pathsep) if folder]
