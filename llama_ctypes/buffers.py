"""How C hands out text and numbers: into a caller's buffer, or as a pointer to its own.

Buffers grow and the call is repeated when the first one is too small. Knows no particular function.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from collections.abc import Sequence
from functools import cache
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from llama_ctypes.ctype import Ptr

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Tokens = npt.NDArray[np.int32]

Chars = ctypes.Array[ctypes.c_char]
ByIndex = Callable[[int, Chars, int], int]
StrPath = str | os.PathLike[str]


def read_string(call: Callable[[Chars, int], int], size: int = 256) -> str | None:
    """Text from a function in snprintf's way: it returns the whole length, -1 for none."""
    buffer = ctypes.create_string_buffer(size)
    n = call(buffer, size)
    if n >= size:
        buffer = ctypes.create_string_buffer(n + 1)
        n = call(buffer, n + 1)
    return None if n < 0 else buffer.raw[:n].decode("utf-8", "replace")


def read_table(count: int, key: ByIndex, value: ByIndex) -> dict[str, str]:
    """Metadata that C numbers: `key` and `value` write entry i into a buffer."""
    table: dict[str, str] = {}
    for i in range(count):
        name = read_string(partial(key, i))
        if name is not None:
            table[name] = read_string(partial(value, i)) or ""
    return table


def read_bytes(call: Callable[[Chars, int], int], size: int = 64) -> bytes:
    """Bytes from a function in llama.h's way: a negative length is the size that it needs."""
    buffer = ctypes.create_string_buffer(size)
    n = call(buffer, size)
    if n < 0:
        buffer = ctypes.create_string_buffer(-n)
        n = call(buffer, -n)
    return buffer.raw[: max(n, 0)]


@cache
def _array_type(element: Any, n: int) -> Any:
    return element * n


def view_floats(pointer: Ptr[float], n: int, owner: object) -> Floats:
    """(n,) float32 over C's memory, without a copy; `owner` lives as long as the view."""
    contents: Any = pointer
    array = _array_type(ctypes.c_float, n).from_address(ctypes.addressof(contents.contents))
    array.owner = owner
    return np.frombuffer(array, dtype=np.float32)


def pointer_array(kind: Any, pointers: Sequence[Any]) -> Any:
    """A C array of pointers to `kind`; the caller keeps what they point to alive."""
    return _array_type(ctypes.POINTER(kind), len(pointers))(*pointers)


def as_list(tokens: Tokens) -> list[int]:
    """The token ids as Python ints."""
    ids: list[int] = tokens.tolist()
    return ids


def address(array: npt.NDArray[Any]) -> int:
    """Where the first element is; the caller keeps `array` alive."""
    return int(array.ctypes.data)


def as_tokens(tokens: Any) -> Tokens:
    """A contiguous int32 array of token ids, without a copy where it is one."""
    return np.ascontiguousarray(tokens, dtype=np.int32)


def as_bytes(data: Any) -> Bytes:
    """A uint8 view over anything with a buffer: bytes, bytearray, memoryview, numpy array."""
    return np.frombuffer(data, dtype=np.uint8)


def path_bytes(path: StrPath) -> bytes:
    """A path as C wants it."""
    return os.fsencode(path)
