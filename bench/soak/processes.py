"""What the processes of a server hold: memory, descriptors, threads. From /proc (Linux)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UsageError

PROC = Path("/proc")
KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True)
class Holding:
    """Of a process and all that come from it."""

    rss_mib: float
    n_descriptors: int
    n_threads: int
    pids: tuple[int, ...]


def look(pid: int) -> Holding:
    """What a process and its descendants hold now. UsageError where there is no /proc."""
    if not (PROC / "self/status").exists():
        raise UsageError("a soak looks into /proc: it needs Linux")
    pids = _family(pid)
    rss_kib = n_descriptors = n_threads = 0
    for each in pids:
        with suppress(OSError):
            fields = _status(each)
            rss_kib += int(fields.get("VmRSS", "0 kB").split()[0])
            n_threads += int(fields["Threads"])
            n_descriptors += len(list((PROC / str(each) / "fd").iterdir()))
    return Holding(rss_kib / KIB_PER_MIB, n_descriptors, n_threads, tuple(pids))


def _status(pid: int) -> dict[str, str]:
    lines = (PROC / str(pid) / "status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _family(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in PROC.glob("[0-9]*"):
        with suppress(OSError, KeyError, ValueError):
            parent = int(_status(int(entry.name))["PPid"])
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found
