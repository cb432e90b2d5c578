"""What the machine has, as far as defaults of options depend on it. Answers to llama.cpp
common/common.cpp `common_cpu_get_num_physical_cores`.
"""

from __future__ import annotations

import os
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")


def usable_cpus() -> frozenset[int]:
    """The logical CPUs that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def logical_cpus() -> int:
    """How many logical CPUs this process may run on."""
    return len(usable_cpus())


def physical_cores() -> int:
    """How many physical cores those are; the logical count where the machine doesn't tell."""
    siblings = set()
    for cpu in usable_cpus():
        path = _TOPOLOGY / f"cpu{cpu}" / "topology" / "thread_siblings_list"
        try:
            siblings.add(path.read_text(encoding="ascii").strip())
        except OSError:
            return logical_cpus()
    return len(siblings)
