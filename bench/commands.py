"""The words of the command line, and who knows each: `llamactl bench`, `python -m bench`.

It imports nothing that a server does not need before it has said what is missing.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import NoReturn

NEEDED = ("aiohttp",)
INSTALL = "pip install 'llamactl[bench]'"
SPEED = "bench.cli"
OTHERS = {
    "profile": "bench.profile.cli",  # where the time of a step goes
    "scale": "bench.scale.cli",  # how rates follow one size of the load
    "soak": "bench.soak.cli",  # what breaks or leaks in the long run
}


def main(words: Sequence[str], prog_name: str) -> NoReturn:
    """Run the command that the first word names, else the measurement of speed. SystemExit."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        sys.exit(f"{prog_name} needs {', '.join(missing)}, which is not installed: {INSTALL}")
    if words and words[0] in OTHERS:
        module, words, prog_name = OTHERS[words[0]], words[1:], f"{prog_name} {words[0]}"
    else:
        module = SPEED
    # as Ctrl-C: what was started is stopped, what was measured is kept
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        import_module(module).main(list(words), prog_name=prog_name)
    finally:
        signal.signal(signal.SIGTERM, before)
    raise AssertionError("a command leaves by SystemExit")
