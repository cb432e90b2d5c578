"""The facts about this machine that a figure means nothing without."""

from __future__ import annotations

import os
import platform
import resource
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
BUSY_SHARE = 0.2  # of the processors; above it others take part in the measurement
MANY_FILES = 65536


@dataclass(frozen=True, slots=True)
class Machine:
    """As it was before the first request."""

    processor: str
    n_cores: int  # that this process may use
    memory_mib: int
    load: float  # the average of the last minute
    system: str
    python: str

    @property
    def is_busy(self) -> bool:
        """Whether something else is running, so that figures are not to be trusted."""
        return self.load > BUSY_SHARE * self.n_cores

    @property
    def line(self) -> str:
        """All of it, for people."""
        return (
            f"{self.processor}, {self.n_cores} cores, {self.memory_mib / 1024:.0f} GiB, "
            f"load average {self.load:.2f}, {self.system}, Python {self.python}"
        )


def look() -> Machine:
    """The machine now."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=_processor(),
        n_cores=_n_cores(),
        memory_mib=pages // MIB,
        load=os.getloadavg()[0],
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
    )


def allow_many_files() -> None:
    """Raise this process's limit of open files as far as it may: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, MANY_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # macOS allows less than its hard limit says
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _n_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
