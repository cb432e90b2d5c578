"""Lets a new program take this process's place: the same command line, the same listening sockets.

The process keeps its id, so that who supervises it notices nothing; the code is that which is
installed now, and options are read again. Sockets are handed on as systemd does it. It knows no
worker.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NoReturn

FIRST_DESCRIPTOR = 3
"""sd_listen_fds(3): SD_LISTEN_FDS_START"""

DEADLY = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""What would end a program that has no handlers yet."""


def succeed(descriptors: Sequence[int], environ: Mapping[str, str]) -> NoReturn:
    """Begin anew. descriptors: of listening sockets; environ: what this process was given."""
    for number in DEADLY:
        signal.signal(number, signal.SIG_IGN)
    sys.stdout.flush()
    sys.stderr.flush()
    # beyond the places that they are to have, so that none is overwritten
    above = FIRST_DESCRIPTOR + len(descriptors)
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, above) for descriptor in descriptors]
    for place, descriptor in enumerate(moved, FIRST_DESCRIPTOR):
        os.dup2(descriptor, place)
    sockets = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(moved))}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**environ, **sockets})
