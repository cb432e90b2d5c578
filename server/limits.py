"""How many connections one worker can hold open: file descriptors, backlog and memory.

Asked for once, in the parent, before a worker is forked. What the system does not allow is one
line in the log that says what to change. It knows no HTTP.
"""

from __future__ import annotations

import contextlib
import logging
import resource
from dataclasses import dataclass
from pathlib import Path

from server.errors import ListenError

MIN_CONNECTIONS = 10_000
OWN_FILES = 128
"""Descriptors that are no connections: the model, sockets, pipes, the log, slot files."""

FEW_CONNECTIONS = 16
"""With fewer nobody can be served beside health checks."""

CONNECTION_KIB = 100
"""What an open stream costs: measured with 2,000 of them."""

SOMAXCONN = Path("/proc/sys/net/core/somaxconn")
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a worker may hold open at the same time, and why it is less than was wanted."""

    n_connections: int
    warnings: tuple[str, ...] = ()


def prepare(n_wanted: int, backlog: int) -> int:
    """Make room for connections and say how many there may be. ListenError if hardly any."""
    found = capacity(n_wanted, backlog)
    for warning in found.warnings:
        _log.warning("%s", warning)
    return found.n_connections


def capacity(n_wanted: int, backlog: int) -> Capacity:
    """Make room for connections; what there is. ListenError if hardly any."""
    n_files = raise_file_limit(n_wanted + OWN_FILES)
    return judge(max(n_wanted, MIN_CONNECTIONS), n_files, backlog, _somaxconn(), free_mib())


def raise_file_limit(n_files: int) -> int:
    """Let this process and its children have as many open files as they may; that number."""
    wanted = max(n_files, MIN_CONNECTIONS + OWN_FILES)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted if soft == resource.RLIM_INFINITY else soft
    allowed = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    # macOS allows less than its hard limit says
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def judge(
    n_wanted: int, n_files: int, backlog: int, somaxconn: int | None, free_mib: int | None
) -> Capacity:
    """What these limits allow; None = not known. ListenError."""
    n_connections = min(n_wanted, n_files - OWN_FILES)
    if n_connections < FEW_CONNECTIONS:
        raise ListenError(
            f"only {n_files} files may be open at the same time, of which the server itself needs "
            f"{OWN_FILES}; raise the limit (ulimit -n, LimitNOFILE= of systemd)"
        )
    warnings = []
    if n_connections < n_wanted:
        warnings.append(
            f"at most {n_connections} connections at the same time instead of {n_wanted}: only "
            f"{n_files} files may be open; raise the limit (ulimit -n, LimitNOFILE= of systemd)"
        )
    if somaxconn is not None and somaxconn < backlog:
        warnings.append(
            f"at most {somaxconn} connections wait while the server is busy or restarts instead of "
            f"{backlog}; raise net.core.somaxconn (sysctl)"
        )
    needed_mib = n_connections * CONNECTION_KIB >> 10
    if free_mib is not None and needed_mib > free_mib // 2:
        warnings.append(
            f"{n_connections} open streams would take {needed_mib} MiB of the {free_mib} MiB that "
            "are free; limit them with --queue-max, or the open files with ulimit -n"
        )
    return Capacity(n_connections, tuple(warnings))


def _somaxconn() -> int | None:
    try:
        return int(SOMAXCONN.read_text())
    except (OSError, ValueError):
        return None


def free_mib() -> int | None:
    """Memory that a process can still get: of the machine and of its control group."""
    free = [mib for mib in (_machine_mib(), _cgroup_mib()) if mib is not None]
    return min(free, default=None)


def has_room(n_bytes: int | None, kept_mib: int) -> bool:
    """Whether RAM has room for weights of n_bytes that can't be dropped when it gets scarce.

    As much again is left for the context and for computing, and kept_mib for prompts that are kept.
    None: nobody knows how much it is.
    """
    free = free_mib()
    return n_bytes is not None and free is not None and (2 * n_bytes >> 20) + kept_mib <= free


def _machine_mib() -> int | None:
    try:
        lines = MEMINFO.read_text().splitlines()
        return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("MemAvailable"))
    except (OSError, ValueError, StopIteration):
        return None


def _cgroup_mib() -> int | None:
    try:
        limit = int((CGROUP / "memory.max").read_text())
        used = int((CGROUP / "memory.current").read_text())
        numbers = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        # pages of files that nobody uses are given up first
        return (limit - used + int(numbers.get("inactive_file", 0))) >> 20
    except (OSError, ValueError):  # no control group of the second version, or no limit ("max")
        return None
