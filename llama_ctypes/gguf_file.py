"""What a GGUF file holds, and why one cannot be used: missing, no GGUF, cut short.

Reads a few bytes before libllama tries, and the header with ggml's reader. One sentence for each
thing that is wrong. Knows no model.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from llama_ctypes.buffers import StrPath
from llama_ctypes.buffers import path_bytes
from llama_ctypes.ctype import NULL
from llama_ctypes.ctype import Ptr
from llama_ctypes.raw import gguf
from llama_ctypes.raw.ggml import ggml_type
from llama_ctypes.raw.gguf import gguf_context
from llama_ctypes.raw.gguf import gguf_init_params
from llama_ctypes.raw.gguf import gguf_type

MAGIC = b"GGUF"
_CUT_SHORT = ("failed to read", "not within the file bounds", "unexpectedly reached end of file")
_MAX_DIMS = 4


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """A tensor of a file. shape: the fastest dimension first; offset: in the file, in bytes."""

    name: str
    type: ggml_type
    shape: tuple[int, ...]
    offset: int
    n_bytes: int


def complaint_before(path: StrPath) -> str | None:
    """What is wrong with the file as a file, or None."""
    file = Path(path)
    try:
        with file.open("rb") as stream:
            head = stream.read(len(MAGIC))
    except FileNotFoundError:
        return f"{file}: no such file"
    except IsADirectoryError:
        return f"{file} is a directory; name a .gguf file in it"
    except OSError as error:
        return f"{file}: cannot be read: {error.strerror}"
    if not head:
        return f"{file} is empty"
    if head != MAGIC[: len(head)]:
        return f"{file} is not a GGUF file: it starts with {head!r} instead of {MAGIC!r}"
    if len(head) < len(MAGIC):
        return f"{file} is truncated: it has {len(head)} bytes"
    return None


def complaint_after(path: StrPath, errors: list[str]) -> str:
    """Why libllama did not load the file, from its log and the file's own tensor table."""
    complaint = cut_short(path)
    if complaint:
        return complaint
    if any(sign in error for sign in _CUT_SHORT for error in errors):
        size = Path(path).stat().st_size
        return f"{path} is truncated: its header does not end within its {size} bytes"
    reason = errors[0] if errors else "libllama does not say why"
    return f"{path} could not be loaded: {reason}"


def cut_short(path: StrPath) -> str | None:
    """That tensors lie beyond the end of the file, or None."""
    size = Path(path).stat().st_size
    expected = expected_size(path)
    if expected is None or expected <= size:
        return None
    return f"{path} is truncated: it has {size} bytes, its header promises {expected}"


def expected_size(path: StrPath) -> int | None:
    """Bytes that the file must have to hold all its tensors; None when the header is unreadable."""
    with _header(path) as meta:
        if not meta:
            return None
        places = _places(meta)
        ends = (place.offset + place.n_bytes for place in places)
        return max(ends, default=gguf.gguf_get_data_offset(meta))


def tensor_places(path: StrPath) -> list[TensorPlace] | None:
    """All tensors in the order of the file; None when the header is unreadable."""
    with _header(path) as meta:
        return _places(meta) if meta else None


def value_types(path: StrPath) -> dict[str, gguf_type]:
    """The type of every metadata value; nothing when the header is unreadable."""
    with _header(path) as meta:
        if not meta:
            return {}
        return {
            (gguf.gguf_get_key(meta, i) or b"").decode("utf-8", "replace"): gguf_type(
                gguf.gguf_get_kv_type(meta, i)
            )
            for i in range(gguf.gguf_get_n_kv(meta))
        }


def string_value(path: StrPath, key: str) -> str | None:
    """A metadata value that is a string; None where the file has no such."""
    with _header(path) as meta:
        if not meta:
            return None
        i = gguf.gguf_find_key(meta, key.encode())
        # another type would abort the process
        if i < 0 or gguf.gguf_get_kv_type(meta, i) != gguf_type.GGUF_TYPE_STRING:
            return None
        return (gguf.gguf_get_val_str(meta, i) or b"").decode("utf-8", "replace")


@contextmanager
def _header(path: StrPath) -> Iterator[Ptr[gguf_context] | None]:
    meta = gguf.gguf_init_from_file(path_bytes(path), gguf_init_params(no_alloc=True, ctx=NULL))
    if not meta:
        yield None
        return
    try:
        yield meta
    finally:
        gguf.gguf_free(meta)


def _places(meta: Ptr[gguf_context]) -> list[TensorPlace]:
    start = gguf.gguf_get_data_offset(meta)
    return [_place(meta, i, start) for i in range(gguf.gguf_get_n_tensors(meta))]


def _place(meta: Ptr[gguf_context], i: int, start: int) -> TensorPlace:
    lengths = gguf.gguf_get_tensor_ne(meta, i)
    shape = [int(lengths[axis]) for axis in range(_MAX_DIMS)]
    while len(shape) > 1 and shape[-1] == 1:
        shape.pop()
    return TensorPlace(
        (gguf.gguf_get_tensor_name(meta, i) or b"").decode("utf-8", "replace"),
        ggml_type(gguf.gguf_get_tensor_type(meta, i)),
        tuple(shape),
        start + gguf.gguf_get_tensor_offset(meta, i),
        gguf.gguf_get_tensor_size(meta, i),
    )
