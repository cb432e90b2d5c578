"""What a process and its children have used: processor time and memory, from Linux's /proc.

Elsewhere there are no figures. It knows nothing of servers.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

KIB_PER_MIB = 1024
# /proc/N/stat after the name in brackets: state, ppid, ..., utime, stime
PPID, UTIME, STIME = 1, 11, 12


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a process and all that descend from it."""

    cpu_s: float  # user and system; a child that has ended no longer counts
    peak_rss_mib: float  # the sum of each one's peak; pages that they share count in each
    rss_mib: float = 0.0  # the sum now
    pss_mib: float = 0.0  # the same, with a page that n processes share counted as 1/n in each


def usage_of(pid: int) -> Usage | None:
    """None where /proc does not tell."""
    members = family(pid)
    if not members:
        return None
    return Usage(
        sum(_cpu_s(member) for member in members),
        sum(_mib(member, "status", "VmHWM:") for member in members),
        sum(_mib(member, "status", "VmRSS:") for member in members),
        sum(_mib(member, "smaps_rollup", "Pss:") for member in members),
    )


def family(pid: int) -> set[int]:
    """A process and all that descend from it; nothing of one that is gone."""
    parents = _parents()
    if pid not in parents:
        return set()
    members = {pid}
    while more := {child for child, parent in parents.items() if parent in members} - members:
        members |= more
    return members


def _stat(pid: int) -> list[str]:
    """The fields after the name; nothing of a process that is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def _parents() -> dict[int, int]:
    with suppress(OSError):
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
        return {pid: int(stat[PPID]) for pid in pids if (stat := _stat(pid))}
    return {}


def _cpu_s(pid: int) -> float:
    stat = _stat(pid)
    ticks = int(stat[UTIME]) + int(stat[STIME]) if stat else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _mib(pid: int, file: str, field: str) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) / KIB_PER_MIB
    return 0.0
