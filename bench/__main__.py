"""`python -m bench`: how fast; `python -m bench soak`: what breaks or leaks in the long run."""

from __future__ import annotations

import sys

if sys.argv[1:2] == ["soak"]:
    from bench.soak.cli import main as soak  # it needs more than speed does

    soak(sys.argv[2:], prog_name="python -m bench soak")

from bench.cli import main

main()
