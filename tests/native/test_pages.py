"""Large buffers of ggml ask Linux for huge pages and are zeroed untouched (native/ggml/pages.h)."""

from __future__ import annotations

import ctypes
import mmap
import re
import sys
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from llama_ctypes import library
from tests.native.exactness import place

HUGE_PAGE = 2 << 20
N_BYTES = 16 * HUGE_PAGE + 100
KNOWS_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage").is_dir()

Allocate = Callable[[int], int]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")


def function(name: str, result: object, *arguments: object) -> Callable[..., int]:
    """A function of ggml, with addresses as numbers."""
    handles = [handle.releasing_gil for handle in library.load().handles]
    found = next(getattr(handle, name) for handle in handles if hasattr(handle, name))
    found.restype, found.argtypes = result, arguments
    return found  # type: ignore[no-any-return]


@pytest.fixture
def allocate() -> Iterator[Allocate]:
    """ggml's allocator; what it gave is freed in the end."""
    malloc = function("ggml_aligned_malloc", ctypes.c_void_p, ctypes.c_size_t)
    free = function("ggml_aligned_free", None, ctypes.c_void_p, ctypes.c_size_t)
    given: list[tuple[int, int]] = []

    def make(n_bytes: int) -> int:
        given.append((malloc(n_bytes), n_bytes))
        return given[-1][0]

    yield make
    for address, n_bytes in given:
        free(address, n_bytes)


@pytest.fixture
def buffer() -> Iterator[int]:
    """One of ggml's buffers in RAM, of 16 huge pages and a bit."""
    in_ram = function("ggml_backend_cpu_buffer_type", ctypes.c_void_p)()
    make = function(
        "ggml_backend_buft_alloc_buffer", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t
    )
    made = make(in_ram, N_BYTES)
    yield made
    function("ggml_backend_buffer_free", None, ctypes.c_void_p)(made)


def mapping(address: int) -> dict[str, str]:
    """What Linux says of the mapping around an address."""
    maps = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text(), flags=re.M)
    for each in maps[1:]:
        start, end = (int(number, 16) for number in each.split(" ", 1)[0].split("-"))
        if start <= address < end:
            pairs = (line.split(":", 1) for line in each.splitlines()[1:])
            return {key: value.strip() for key, value in pairs}
    raise AssertionError(f"{address:x} is not mapped")


def wants_huge_pages(address: int) -> bool:
    """Whether they were asked for."""
    return "hg" in mapping(address)["VmFlags"].split()


def resident_bytes() -> int:
    """What of this process is in RAM. A buffer alone may lie in several mappings of the heap."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


@on_linux
def test_large_buffers_ask_for_huge_pages(allocate: Allocate) -> None:
    address = allocate(N_BYTES)
    assert address % HUGE_PAGE == 0
    assert wants_huge_pages(address + 3 * HUGE_PAGE) == KNOWS_HUGE_PAGES


@on_linux
def test_a_buffer_that_is_zeroed_gives_its_pages_back(buffer: int) -> None:
    base = function("ggml_backend_buffer_get_base", ctypes.c_void_p, ctypes.c_void_p)(buffer)
    clear = function("ggml_backend_buffer_clear", None, ctypes.c_void_p, ctypes.c_uint8)
    clear(buffer, 7)
    assert set(ctypes.string_at(base, N_BYTES)) == {7}
    held = resident_bytes()
    clear(buffer, 0)
    assert held - resident_bytes() >= 14 * HUGE_PAGE  # Linux counts roughly, by batches of pages
    assert not any(ctypes.string_at(base, N_BYTES))


def test_the_pinned_source_has_the_places_once(pinned_source: Path) -> None:
    ggml = pinned_source / "ggml/src"
    assert (ggml / "ggml.c").read_text().count(place("LLAMACTL_MEMALIGN")) == 1
    assert (ggml / "ggml-backend.cpp").read_text().count(place("LLAMACTL_CLEAR")) == 1
