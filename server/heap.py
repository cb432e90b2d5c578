"""How glibc's heap is kept small: large blocks come from the system, and go back to it at once.

By itself glibc takes from the heap whatever is as large as the largest block that was freed so far.
libllama makes its scheduler anew when adapters or embeddings are switched, tens of MiB each time;
among those lie small blocks that stay, and so the heap fills with holes. It knows neither the
engine nor HTTP. Where there is no glibc, nothing is done.
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

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
"""Of glibc's malloc.h."""

VARIABLES = ("GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")
"""Who sets one of them knows better."""


def settle(environment: Mapping[str, str] = os.environ) -> bool:
    """Fix the thresholds for this process; whether that was done."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or any(name in environment for name in VARIABLES):
        return False
    wanted = ((M_MMAP_THRESHOLD, MMAP_THRESHOLD), (M_TRIM_THRESHOLD, TRIM_THRESHOLD))
    return all(mallopt(*each) == 1 for each in wanted)
