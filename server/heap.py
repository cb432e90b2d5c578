"""How glibc's heap is kept small: few arenas, and large blocks that go back to the system at once.

By itself glibc takes from the heap whatever is as large as the largest block that was freed so far.
libllama makes its scheduler anew when adapters or embeddings are switched, tens of MiB each time;
among those lie small blocks that stay, and so the heap fills with holes. It also gives every new
thread a heap of its own. It knows neither the engine nor HTTP. Without glibc nothing is done.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping

MMAP_THRESHOLD = 4 << 20
"""Bytes from which on a block is mapped. Below are what a sampler makes for each token (12 bytes
for each of at most some 260,000), so that no token pays for memory that was never touched.
"""

TRIM_THRESHOLD = 2 * MMAP_THRESHOLD
"""Bytes that may stay free at the end of the heap."""

N_ARENAS = 3
"""For HTTP, the engine, and all who do now and then what would hold up one of the two."""

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8
"""Of glibc's malloc.h."""

VARIABLES = (
    "GLIBC_TUNABLES",
    "MALLOC_ARENA_MAX",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TRIM_THRESHOLD_",
)
"""Who sets one of them knows better."""


def settle(environment: Mapping[str, str] = os.environ) -> bool:
    """Fix the limits for this process; whether that was done."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or any(name in environment for name in VARIABLES):
        return False
    wanted = {
        M_MMAP_THRESHOLD: MMAP_THRESHOLD,
        M_TRIM_THRESHOLD: TRIM_THRESHOLD,
        M_ARENA_MAX: N_ARENAS,
    }
    return all(mallopt(*each) == 1 for each in wanted.items())
