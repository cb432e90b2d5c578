"""Facts about processes that a test started: free ports, children, resident memory, deadlines.

It reads /proc where there is one and asks `ps` elsewhere. It knows nothing of servers or HTTP.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

POLL_S = 0.01

T = TypeVar("T")


class DeadlinePassed(AssertionError):
    """Something that a test waited for did not happen in time."""


def wait_until(what: str, condition: Callable[[], T], timeout_s: float = 10.0) -> T:
    """Ask `condition` until it is true; return its value. DeadlinePassed says `what` never came."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise DeadlinePassed(f"after {timeout_s:g} s still not: {what}")
        time.sleep(POLL_S)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(host: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def descendants(pid: int) -> list[int]:
    """The pids of all children of `pid` and of theirs, parents first."""
    children: dict[int, list[int]] = {}
    for child, parent, _ in _process_table():
        children.setdefault(parent, []).append(child)
    found: list[int] = []
    frontier = [pid]
    while frontier:
        frontier = [child for parent in frontier for child in children.get(parent, [])]
        found += frontier
    return found


def resident_mib(pid: int) -> float:
    """Resident memory of `pid` and all its descendants."""
    family = {pid, *descendants(pid)}
    return sum(rss for child, _, rss in _process_table() if child in family) / 1024


def _process_table() -> list[tuple[int, int, int]]:
    """(pid, parent pid, resident KiB) of every process."""
    if Path("/proc/self/status").exists():
        return [
            row for status in Path("/proc").glob("[0-9]*/status") if (row := _read_status(status))
        ]
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,rss="], check=True, capture_output=True, text=True
    )
    rows = (line.split() for line in listing.stdout.splitlines())
    return [(int(pid), int(parent), int(rss)) for pid, parent, rss in rows]


def _read_status(status: Path) -> tuple[int, int, int] | None:
    """One /proc/N/status; None for a process that ended while it was read, or a zombie."""
    try:
        lines = status.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    if fields.get("State", "").strip().startswith("Z"):
        return None
    rss = fields.get("VmRSS", "0 kB").split()[0]
    return int(fields["Pid"]), int(fields["PPid"]), int(rss)
