"""Pictures and sound, decoded. mtmd.h: mtmd_bitmap

MediaContext.bitmap_from_bytes decodes files; here are bitmaps from raw pixels and samples.
"""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt

from llama_ctypes.buffers import Floats
from llama_ctypes.buffers import address
from llama_ctypes.ctype import Ptr
from llama_ctypes.errors import MediaError
from llama_ctypes.handle import Handle
from llama_ctypes.raw import mtmd as raw
from llama_ctypes.raw.mtmd_types import mtmd_bitmap

_FLOAT_P = ctypes.POINTER(ctypes.c_float)


class Bitmap(Handle[mtmd_bitmap]):
    """Owner of an image or a piece of audio, with a copy of its data."""

    noun = "bitmap"

    @classmethod
    def from_rgb(cls, pixels: npt.NDArray[np.uint8]) -> Bitmap:
        """An image from (height, width, 3) uint8."""
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
            raise MediaError(
                f"an image is (height, width, 3) uint8, not {pixels.shape} {pixels.dtype}"
            )
        data = np.ascontiguousarray(pixels)
        height, width, _ = data.shape
        return cls(raw.mtmd_bitmap_init(width, height, address(data)))

    @classmethod
    def from_audio(cls, samples: Floats) -> Bitmap:
        """Audio from (n,) samples, at MediaContext.audio_sample_rate."""
        if samples.ndim != 1 or not samples.size:
            raise MediaError(f"audio is (n,) float32, not {samples.shape} {samples.dtype}")
        data = np.ascontiguousarray(samples, dtype=np.float32)
        return cls(raw.mtmd_bitmap_init_from_audio(len(data), data.ctypes.data_as(_FLOAT_P)))

    @property
    def width(self) -> int:
        """Pixels a row; of audio, samples."""
        return raw.mtmd_bitmap_get_nx(self.ptr)

    @property
    def height(self) -> int:
        """Rows; 1 for audio."""
        return raw.mtmd_bitmap_get_ny(self.ptr)

    @property
    def is_audio(self) -> bool:
        """Whether it is audio."""
        return raw.mtmd_bitmap_is_audio(self.ptr)

    @property
    def id(self) -> str:
        """What tells equal media apart from others; "" when it has none."""
        return (raw.mtmd_bitmap_get_id(self.ptr) or b"").decode("utf-8", "replace")

    @id.setter
    def id(self, value: str) -> None:
        """Set the id, e.g. a hash of the data."""
        raw.mtmd_bitmap_set_id(self.ptr, value.encode())

    def data(self) -> bytes:
        """A copy of its pixels or samples; empty for a placeholder."""
        pointer = self.ptr
        start = raw.mtmd_bitmap_get_data(pointer)
        return ctypes.string_at(start, raw.mtmd_bitmap_get_n_bytes(pointer)) if start else b""

    def _dispose(self, pointer: Ptr[mtmd_bitmap]) -> None:
        raw.mtmd_bitmap_free(pointer)
