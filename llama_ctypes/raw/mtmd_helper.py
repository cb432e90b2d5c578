# mypy: disable-error-code="empty-body"
"""mtmd-helper.h: decoding media files, and evaluating prompts with media.

Helpers that evaluate are not thread safe.
"""

from __future__ import annotations

from ctypes import Structure

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Callback
from llama_ctypes.ctype import Char
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import Float
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Int64
from llama_ctypes.ctype import InUChars
from llama_ctypes.ctype import Opaque
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.ctype import UInt32
from llama_ctypes.ctype import VoidPtr
from llama_ctypes.declare import c_callback
from llama_ctypes.declare import c_function
from llama_ctypes.declare import c_struct
from llama_ctypes.raw.ggml import ggml_log_callback
from llama_ctypes.raw.mtmd_types import mtmd_bitmap
from llama_ctypes.raw.mtmd_types import mtmd_context
from llama_ctypes.raw.mtmd_types import mtmd_decoder_pos
from llama_ctypes.raw.mtmd_types import mtmd_image_tokens
from llama_ctypes.raw.mtmd_types import mtmd_input_chunk
from llama_ctypes.raw.mtmd_types import mtmd_input_chunks
from llama_ctypes.raw.types import llama_context
from llama_ctypes.raw.types import llama_pos
from llama_ctypes.raw.types import llama_seq_id


class mtmd_helper_video(Opaque):
    """A video being read."""


@c_struct
class mtmd_helper_video_init_params(Structure):
    """How a video is sampled; needs ffmpeg."""

    fps_target: Float
    ffmpeg_bin_dir: CStr
    timestamp_interval_ms: Int64


@c_struct
class mtmd_helper_init_opt(Structure):
    """How a media file is read."""

    video_params: mtmd_helper_video_init_params


@c_struct
class mtmd_helper_bitmap_wrapper(Structure):
    """A bitmap, and for a video what it reads from; free both."""

    bitmap: Ptr[mtmd_bitmap]
    video_ctx: Ptr[mtmd_helper_video]


@c_struct
class mtmd_helper_embd_batch(Structure):
    """Embeddings that were just decoded: embd (n_tokens, n_embd), pos (n_pos, n_tokens)."""

    n_tokens: Int32
    embd: ConstPtr[Float]
    n_embd: Int32
    pos: ConstPtr[llama_pos]
    n_pos: Int32
    seq_id: llama_seq_id


@c_struct
class mtmd_helper_video_info(Structure):
    """Properties of a video."""

    width: UInt32
    height: UInt32
    fps: Float
    n_frames: Int32


@c_callback
class mtmd_helper_post_decode_callback(Callback):
    """Called after each sub-batch of embeddings."""

    def __call__(self, batch: ConstPtr[mtmd_helper_embd_batch], user_data: VoidPtr) -> Int32:
        """0 goes on; anything else stops and is returned."""


@c_function
def mtmd_helper_video_init_params_default() -> mtmd_helper_video_init_params:
    """Parameters with their defaults."""


@c_function
def mtmd_helper_init_opt_default() -> mtmd_helper_init_opt:
    """Options with their defaults."""


@c_function
def mtmd_helper_log_set(log_callback: ggml_log_callback, user_data: VoidPtr) -> None:
    """Register the log callback of the helpers and of mtmd; NULL restores stderr."""


@c_function
def mtmd_helper_support_video(ctx: ConstPtr[mtmd_context]) -> Bool:
    """Whether this build reads videos."""


@c_function(releases_gil=True)
def mtmd_helper_bitmap_init_from_file(
    ctx: ConstPtr[mtmd_context], fname: CStr, placeholder: Bool, opt: mtmd_helper_init_opt
) -> mtmd_helper_bitmap_wrapper:
    """Read an image or audio file; NULL bitmap on failure."""


@c_function(releases_gil=True)
def mtmd_helper_bitmap_init_from_buf(
    ctx: ConstPtr[mtmd_context],
    buf: InUChars,
    len: Size,
    placeholder: Bool,
    opt: mtmd_helper_init_opt,
) -> mtmd_helper_bitmap_wrapper:
    """Read an image or audio file from memory; NULL bitmap on failure.

    The bitmap's id is the SHA-256 of the file in hex. placeholder: only for counting tokens.
    """


@c_function
def mtmd_helper_get_n_tokens(chunks: ConstPtr[mtmd_input_chunks]) -> Size:
    """Tokens of all chunks."""


@c_function
def mtmd_helper_get_n_pos(chunks: ConstPtr[mtmd_input_chunks]) -> llama_pos:
    """Positions of all chunks."""


@c_function
def mtmd_helper_image_get_decoder_pos(
    image: ConstPtr[mtmd_image_tokens], pos_0: llama_pos, out_pos: Ptr[mtmd_decoder_pos]
) -> None:
    """Write the M-RoPE positions of all tokens of an image."""


@c_function(releases_gil=True)
def mtmd_helper_eval_chunks(
    ctx: Ptr[mtmd_context],
    lctx: Ptr[llama_context],
    chunks: ConstPtr[mtmd_input_chunks],
    n_past: llama_pos,
    seq_id: llama_seq_id,
    n_batch: Int32,
    logits_last: Bool,
    new_n_past: Ptr[llama_pos],
) -> Int32:
    """Encode and decode all chunks in order; 0, or the first error."""


@c_function(releases_gil=True)
def mtmd_helper_eval_chunk_single(
    ctx: Ptr[mtmd_context],
    lctx: Ptr[llama_context],
    chunk: ConstPtr[mtmd_input_chunk],
    n_past: llama_pos,
    seq_id: llama_seq_id,
    n_batch: Int32,
    logits_last: Bool,
    new_n_past: Ptr[llama_pos],
) -> Int32:
    """Encode and decode one chunk; 0 on success."""


@c_function(releases_gil=True)
def mtmd_helper_decode_image_chunk(
    ctx: Ptr[mtmd_context],
    lctx: Ptr[llama_context],
    chunk: ConstPtr[mtmd_input_chunk],
    encoded_embd: Ptr[Float],
    n_past: llama_pos,
    seq_id: llama_seq_id,
    n_batch: Int32,
    new_n_past: Ptr[llama_pos],
    callback: mtmd_helper_post_decode_callback,
    user_data: VoidPtr,
) -> Int32:
    """Decode embeddings of a media chunk. 0 ok, -1 no media chunk, 1 decode failed."""


@c_function(releases_gil=True)
def mtmd_helper_video_init(
    mctx: ConstPtr[mtmd_context], path: CStr, params: mtmd_helper_video_init_params
) -> Ptr[mtmd_helper_video]:
    """Open a video; NULL on failure."""


@c_function(releases_gil=True)
def mtmd_helper_video_init_from_buf(
    mctx: ConstPtr[mtmd_context], buf: InUChars, len: Size, params: mtmd_helper_video_init_params
) -> Ptr[mtmd_helper_video]:
    """Open a video in memory, which is copied; NULL on failure."""


@c_function(releases_gil=True)
def mtmd_helper_video_free(ctx: Ptr[mtmd_helper_video]) -> None:
    """Close a video."""


@c_function
def mtmd_helper_video_get_info(ctx: ConstPtr[mtmd_helper_video]) -> mtmd_helper_video_info:
    """Properties of the video."""


@c_function(releases_gil=True)
def mtmd_helper_video_read_next(
    ctx: Ptr[mtmd_helper_video], out_bitmap: Ptr[Ptr[mtmd_bitmap]], out_text: Ptr[Ptr[Char]]
) -> Int32:
    """Write the next frame or text, the caller's to free. 0 ok, -1 no more, -2 error."""


@c_function
def mtmd_helper_model_can_chat(lctx: ConstPtr[llama_context], mctx: ConstPtr[mtmd_context]) -> Bool:
    """Whether model and projector together can chat."""
