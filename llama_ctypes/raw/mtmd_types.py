# mypy: disable-error-code="empty-body"
"""mtmd.h: handles, structs and callbacks of the multimodal library.

Arrays and strings in a struct belong to whoever filled it in.
"""

from __future__ import annotations

from ctypes import Structure
from ctypes import c_void_p
from enum import IntEnum
from typing import Annotated

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Callback
from llama_ctypes.ctype import Char
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import CType
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Float
from llama_ctypes.ctype import Int
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Opaque
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.ctype import UInt32
from llama_ctypes.ctype import VoidPtr
from llama_ctypes.declare import c_callback
from llama_ctypes.declare import c_enum
from llama_ctypes.declare import c_struct
from llama_ctypes.raw.device import ggml_backend_dev_t
from llama_ctypes.raw.device import ggml_backend_sched_eval_callback
from llama_ctypes.raw.enums import llama_flash_attn_type


class mtmd_context(Opaque):
    """A loaded projector (mmproj) for a text model."""


class mtmd_bitmap(Opaque):
    """An image, a piece of audio, or something that yields them later."""


class mtmd_image_tokens(Opaque):
    """The tokens of an image."""


class mtmd_input_chunk(Opaque):
    """A piece of a tokenized prompt: text or media."""


class mtmd_input_chunks(Opaque):
    """A tokenized prompt."""


class mtmd_batch(Opaque):
    """Media chunks that are encoded together."""


# Memory of a bitmap, as an address.
UCharsAddress = Annotated[int | None, CType(c_void_p, "const unsigned char *")]


@c_enum
class mtmd_input_chunk_type(IntEnum):
    """Kinds of chunks; COUNT is their number."""

    MTMD_INPUT_CHUNK_TYPE_TEXT = 0
    MTMD_INPUT_CHUNK_TYPE_IMAGE = 1
    MTMD_INPUT_CHUNK_TYPE_AUDIO = 2
    MTMD_INPUT_CHUNK_TYPE_COUNT = 3


@c_struct
class mtmd_input_text(Structure):
    """A prompt, with a marker for each bitmap."""

    text: CStr
    text_len: Size
    add_special: Bool
    parse_special: Bool


@c_struct
class mtmd_input_part(Structure):
    """A part of a prompt: text or a bitmap, not both."""

    text: ConstPtr[mtmd_input_text]
    bitmap: ConstPtr[mtmd_bitmap]


@c_callback
class mtmd_progress_callback(Callback):
    """Hears how far loading is, from 0 to 1."""

    def __call__(self, progress: Float, user_data: VoidPtr) -> Bool:
        """False cancels. Called on the loading thread."""


@c_callback
class mtmd_bitmap_lazy_callback(Callback):
    """Yields the chunks of a lazy bitmap, one a call."""

    def __call__(
        self,
        chunk_idx: Size,
        user_data: VoidPtr,
        out_bitmap: Ptr[Ptr[mtmd_bitmap]],
        out_text: Ptr[Ptr[Char]],
    ) -> Int:
        """Set one of the two (text: malloc'd), both are freed by C. 0 ok, -1 no more, -2 error."""


@c_struct
class mtmd_context_params(Structure):
    """How a projector is loaded."""

    use_gpu: Bool
    device: ggml_backend_dev_t
    print_timings: Bool
    n_threads: Int
    image_marker: CStr
    media_marker: CStr
    flash_attn_type: EnumOf[llama_flash_attn_type]
    warmup: Bool
    image_min_tokens: Int
    image_max_tokens: Int
    cb_eval: ggml_backend_sched_eval_callback
    cb_eval_user_data: VoidPtr
    batch_max_tokens: Int32
    progress_callback: mtmd_progress_callback
    progress_callback_user_data: VoidPtr


@c_struct
class mtmd_decoder_pos(Structure):
    """Position of an embedding for M-RoPE."""

    t: UInt32
    x: UInt32
    y: UInt32
    z: UInt32


@c_struct
class mtmd_caps(Structure):
    """What a projector takes in."""

    inp_vision: Bool
    inp_audio: Bool
