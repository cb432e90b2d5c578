"""Why a file cannot be a model: missing, no GGUF, cut short. One sentence each.

Reads a few bytes before libllama tries, and the tensor table after it failed. Knows no model.
"""

from __future__ import annotations

from pathlib import Path

from llama_ctypes.buffers import StrPath
from llama_ctypes.buffers import path_bytes
from llama_ctypes.ctype import NULL
from llama_ctypes.raw import gguf
from llama_ctypes.raw.gguf import gguf_init_params

MAGIC = b"GGUF"
_CUT_SHORT = ("failed to read", "not within the file bounds", "unexpectedly reached end of file")


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
    size = Path(path).stat().st_size
    expected = expected_size(path)
    if expected is not None and expected > size:
        return f"{path} is truncated: it has {size} bytes, its header promises {expected}"
    if any(sign in error for sign in _CUT_SHORT for error in errors):
        return f"{path} is truncated: its header does not end within its {size} bytes"
    reason = errors[0] if errors else "libllama does not say why"
    return f"{path} could not be loaded: {reason}"


def expected_size(path: StrPath) -> int | None:
    """Bytes that the file must have to hold all its tensors; None when the header is unreadable."""
    meta = gguf.gguf_init_from_file(path_bytes(path), gguf_init_params(no_alloc=True, ctx=NULL))
    if not meta:
        return None
    try:
        ends = [
            gguf.gguf_get_tensor_offset(meta, i) + gguf.gguf_get_tensor_size(meta, i)
            for i in range(gguf.gguf_get_n_tensors(meta))
        ]
        return gguf.gguf_get_data_offset(meta) + max(ends, default=0)
    finally:
        gguf.gguf_free(meta)
