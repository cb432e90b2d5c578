"""Reads just enough of a GGUF file to tell, before anything is loaded, that it can't be loaded.

It walks the header (metadata, then the table of tensors) and compares where the tensors must end
with the size of the file. It keeps no tensor data and knows nothing of architectures. Answers to
llama.cpp ggml/src/gguf.cpp and docs/gguf.
"""

from __future__ import annotations

import mmap
import os
import re
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from server.errors import ModelFileError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32
HEADER_BYTES = 24
MAX_DIMENSIONS = 4

_STRING, _ARRAY = 8, 9
_SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
"""The struct code of each kind of metadata value that is neither string nor array."""

_SPLIT_NAME = re.compile(r"(?P<stem>.*)-(?P<part>\d{5})-of-(?P<count>\d{5})\.gguf")


class _Short(Exception):
    """The header goes on beyond the end of the file."""


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One row of the table of tensors. offset counts from the beginning of the data."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """The header of one file. metadata holds scalars and strings; arrays are left out."""

    version: int
    metadata: Mapping[str, object]
    tensors: tuple[TensorEntry, ...]
    data_offset: int

    def data_end(self) -> int:
        """The size that the file must have at least, in bytes."""
        sizes = _type_sizes()
        end = self.data_offset
        for tensor in self.tensors:
            block, block_bytes = sizes.get(tensor.type, (1, 0))
            n_elements = 1
            for length in tensor.shape:
                n_elements *= length
            end = max(end, self.data_offset + tensor.offset + n_elements // block * block_bytes)
        return end


def check_model_file(path: str) -> None:
    """Raise ModelFileError, in one sentence, if this file or a part of it can't be loaded."""
    for part in _parts(path):
        header = read_header(part)
        size = Path(part).stat().st_size
        needed = header.data_end()
        if size < needed:
            raise ModelFileError(
                f"{part}: the file is cut short: it has {size} bytes and needs {needed}; "
                "download or copy it again"
            )


def n_bytes(path: str) -> int | None:
    """The size of a model, all parts together; None if one can't be read."""
    try:
        return sum(Path(part).stat().st_size for part in _parts(path))
    except (OSError, ModelFileError):
        return None


def read_header(path: str) -> GgufHeader:
    """The header of a file; ModelFileError if there is none that makes sense."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode) and not Path(path).is_dir():
            raise ModelFileError(f"{path}: this is not a regular file; give one with --model")
        with Path(path).open("rb") as file:
            start = file.read(HEADER_BYTES)
            if start[:4] != MAGIC:
                raise ModelFileError(f"{path}: this is not a GGUF file; give one with --model")
            if len(start) < HEADER_BYTES:
                raise _Short
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(path, data).header()
    except _Short:
        size = Path(path).stat().st_size
        raise ModelFileError(
            f"{path}: the file is cut short: its header goes on after {size} bytes; "
            "download or copy it again"
        ) from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ModelFileError(f"{path}: can't read the model: {reason}") from None


def _parts(path: str) -> list[str]:
    match = _SPLIT_NAME.fullmatch(path)
    if match is None:
        return [path]
    count = int(match["count"])
    parts = [f"{match['stem']}-{i:05d}-of-{count:05d}.gguf" for i in range(1, count + 1)]
    if path != parts[0] and Path(path).exists():
        raise ModelFileError(f"{path}: this is a part of a model; give the first one, {parts[0]}")
    return parts


def _type_sizes() -> Mapping[int, tuple[int, int]]:
    """(elements, bytes) of a block of each tensor type; a type unknown here counts as no bytes."""
    # Imported late: the package takes a tenth of a second, and --help needs none of it.
    from gguf.constants import GGML_QUANT_SIZES

    return {int(kind): size for kind, size in GGML_QUANT_SIZES.items()}


class _Reader:
    """A position in the bytes of a header."""

    def __init__(self, path: str, data: mmap.mmap) -> None:
        self.path = path
        self.data = data
        self.pos = len(MAGIC)

    def header(self) -> GgufHeader:
        version = self.number("I")
        if version not in VERSIONS:
            raise ModelFileError(
                f"{self.path}: GGUF version {version} is not supported; convert the model again"
            )
        n_tensors, n_metadata = self.number("Q"), self.number("Q")
        metadata = {}
        for _ in range(n_metadata):
            key = self.string()
            value = self.value(self.number("I"))
            if value is not None:
                metadata[key] = value
        tensors = tuple(self.tensor() for _ in range(n_tensors))
        alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1:
            raise self.damage(f"general.alignment is {alignment!r}")
        data_offset = -(-self.pos // alignment) * alignment
        return GgufHeader(version, metadata, tensors, data_offset)

    def tensor(self) -> TensorEntry:
        name = self.string()
        n_dimensions = self.number("I")
        if n_dimensions > MAX_DIMENSIONS:
            raise self.damage(f"tensor {name!r} has {n_dimensions} dimensions")
        shape = tuple(self.number("Q") for _ in range(n_dimensions))
        return TensorEntry(name, shape, self.number("I"), self.number("Q"))

    def number(self, code: str) -> int:
        size = struct.calcsize("<" + code)
        (value,) = struct.unpack("<" + code, self.take(size))
        return value  # type: ignore[no-any-return]

    def string(self) -> str:
        return self.take(self.number("Q")).decode("utf-8", "replace")

    def value(self, kind: int) -> object:
        """A metadata value; None for arrays, which are skipped."""
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            self.skip_array()
            return None
        return self.number(self.code(kind))

    def skip_array(self) -> None:
        kind, count = self.number("I"), self.number("Q")
        if kind == _STRING:
            for _ in range(count):
                self.skip(self.number("Q"))
        else:
            self.skip(count * struct.calcsize("<" + self.code(kind)))

    def code(self, kind: int) -> str:
        if kind not in _SCALARS:
            raise self.damage(f"there is no metadata type {kind}")
        return _SCALARS[kind]

    def damage(self, what: str) -> ModelFileError:
        return ModelFileError(f"{self.path}: {what}: the file is damaged; download it again")

    def take(self, size: int) -> bytes:
        start = self.pos
        self.skip(size)
        return self.data[start : self.pos]

    def skip(self, size: int) -> None:
        self.pos += size
        if self.pos > len(self.data):
            raise _Short
