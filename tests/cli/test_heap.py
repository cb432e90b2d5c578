"""What glibc does with large blocks once its thresholds are fixed, in a process of its own."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from server.heap import settle

LARGE_THEN_LESS = """
import ctypes, sys
from server import heap

class Mallinfo2(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes, libc.mallinfo2.restype = [ctypes.c_void_p], Mallinfo2
if sys.argv[1] == "settled":
    assert heap.settle({})
libc.free(libc.malloc(20 << 20))
before = libc.mallinfo2().hblks
libc.malloc(8 << 20)
print(libc.mallinfo2().hblks - before)
"""

needs_glibc = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library"
)


@needs_glibc
@pytest.mark.parametrize(("how", "n_mapped"), [("settled", "1"), ("as it is", "0")])
def test_a_large_block_is_mapped_whatever_was_freed_before(how: str, n_mapped: str) -> None:
    command = [sys.executable, "-c", LARGE_THEN_LESS, how]
    assert subprocess.run(command, capture_output=True, text=True).stdout.strip() == n_mapped


@pytest.mark.parametrize("name", ["GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_"])
def test_who_sets_the_thresholds_knows_better(name: str) -> None:
    assert not settle({name: "1"})
