"""`python -m bench`: the same as `llamactl bench`, without an installation."""

from __future__ import annotations

import sys

from bench.commands import main

main(sys.argv[1:], "python -m bench")
