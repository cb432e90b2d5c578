"""Which threads of a server use the processors, from Linux's /proc. Elsewhere there are no figures.

A thread's name says whose it is: the engine calls its own `engine`, and those of ggml, which it
starts, inherit that; the first thread of a process does HTTP.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from bench.usage import family

ENGINE = "engine and ggml"
UTIME, STIME = 11, 12  # of /proc/N/task/M/stat, after the name in brackets


def cpu_by_thread(pid: int) -> dict[tuple[int, int, str], float]:
    """Seconds by process, thread and name, of a process and all that descend from it."""
    found = {}
    for member in family(pid):
        with suppress(OSError):
            for task in Path(f"/proc/{member}/task").iterdir():
                with suppress(OSError):
                    before, _, after = (task / "stat").read_text().rpartition(")")
                    fields = after.split()
                    ticks = int(fields[UTIME]) + int(fields[STIME])
                    name = before.partition("(")[2]
                    found[member, int(task.name), name] = ticks / os.sysconf("SC_CLK_TCK")
    return found


def used(
    before: dict[tuple[int, int, str], float], after: dict[tuple[int, int, str], float]
) -> dict[str, float]:
    """Seconds between two looks, by what a thread is for."""
    seconds: dict[str, float] = {}
    for (member, thread, name), cpu_s in after.items():
        whose = ENGINE if name == "engine" else "HTTP" if thread == member else "others"
        seconds[whose] = seconds.get(whose, 0.0) + cpu_s - before.get((member, thread, name), 0.0)
    return seconds
