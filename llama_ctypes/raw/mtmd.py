# mypy: disable-error-code="empty-body"
"""mtmd.h: images and audio as input of a text model.

mtmd_tokenize() is thread safe; encoding is not.
"""

from __future__ import annotations

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Char
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Float
from llama_ctypes.ctype import Int
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import InUChars
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.ctype import UInt32
from llama_ctypes.ctype import VoidPtr
from llama_ctypes.declare import c_function
from llama_ctypes.raw.ggml import ggml_log_callback
from llama_ctypes.raw.mtmd_types import UCharsAddress
from llama_ctypes.raw.mtmd_types import mtmd_batch
from llama_ctypes.raw.mtmd_types import mtmd_bitmap
from llama_ctypes.raw.mtmd_types import mtmd_bitmap_lazy_callback
from llama_ctypes.raw.mtmd_types import mtmd_caps
from llama_ctypes.raw.mtmd_types import mtmd_context
from llama_ctypes.raw.mtmd_types import mtmd_context_params
from llama_ctypes.raw.mtmd_types import mtmd_decoder_pos
from llama_ctypes.raw.mtmd_types import mtmd_image_tokens
from llama_ctypes.raw.mtmd_types import mtmd_input_chunk
from llama_ctypes.raw.mtmd_types import mtmd_input_chunk_type
from llama_ctypes.raw.mtmd_types import mtmd_input_chunks
from llama_ctypes.raw.mtmd_types import mtmd_input_part
from llama_ctypes.raw.mtmd_types import mtmd_input_text
from llama_ctypes.raw.types import llama_model
from llama_ctypes.raw.types import llama_pos
from llama_ctypes.raw.types import llama_token


@c_function
def mtmd_default_marker() -> CStr:
    """The marker that stands for a bitmap in a prompt."""


@c_function
def mtmd_context_params_default() -> mtmd_context_params:
    """Parameters with their defaults."""


@c_function(releases_gil=True)
def mtmd_init_from_file(
    mmproj_fname: CStr, text_model: ConstPtr[llama_model], ctx_params: mtmd_context_params
) -> Ptr[mtmd_context]:
    """Load a projector for a text model, which must outlive it; NULL on failure."""


@c_function(releases_gil=True)
def mtmd_free(ctx: Ptr[mtmd_context]) -> None:
    """Free a projector."""


@c_function
def mtmd_decode_use_non_causal(
    ctx: ConstPtr[mtmd_context], chunk: ConstPtr[mtmd_input_chunk]
) -> Bool:
    """Whether decoding the chunk (NULL: an image) needs non-causal attention."""


@c_function
def mtmd_decode_use_mrope(ctx: ConstPtr[mtmd_context]) -> Bool:
    """Whether positions are M-RoPE ones."""


@c_function
def mtmd_support_vision(ctx: ConstPtr[mtmd_context]) -> Bool:
    """Whether it takes images."""


@c_function
def mtmd_support_audio(ctx: ConstPtr[mtmd_context]) -> Bool:
    """Whether it takes audio."""


@c_function
def mtmd_get_audio_sample_rate(ctx: ConstPtr[mtmd_context]) -> Int:
    """Samples a second it wants, or -1."""


@c_function
def mtmd_get_marker(ctx: ConstPtr[mtmd_context]) -> CStr:
    """The marker in use."""


@c_function
def mtmd_bitmap_init(nx: UInt32, ny: UInt32, data: InUChars) -> Ptr[mtmd_bitmap]:
    """Copy an image: ny rows of nx RGB pixels, 3 bytes each. NULL data: only to count tokens."""


@c_function
def mtmd_bitmap_init_from_audio(n_samples: Size, data: ConstPtr[Float]) -> Ptr[mtmd_bitmap]:
    """Copy samples in float. NULL data: only to count tokens."""


@c_function
def mtmd_bitmap_get_nx(bitmap: ConstPtr[mtmd_bitmap]) -> UInt32:
    """Pixels a row."""


@c_function
def mtmd_bitmap_get_ny(bitmap: ConstPtr[mtmd_bitmap]) -> UInt32:
    """Rows."""


@c_function
def mtmd_bitmap_get_data(bitmap: ConstPtr[mtmd_bitmap]) -> UCharsAddress:
    """Address of the pixels or samples."""


@c_function
def mtmd_bitmap_get_n_bytes(bitmap: ConstPtr[mtmd_bitmap]) -> Size:
    """Bytes of the pixels or samples."""


@c_function
def mtmd_bitmap_is_audio(bitmap: ConstPtr[mtmd_bitmap]) -> Bool:
    """Whether it is audio."""


@c_function
def mtmd_bitmap_free(bitmap: Ptr[mtmd_bitmap]) -> None:
    """Free a bitmap."""


@c_function
def mtmd_bitmap_get_id(bitmap: ConstPtr[mtmd_bitmap]) -> CStr:
    """Its id, for telling equal media apart from others."""


@c_function
def mtmd_bitmap_set_id(bitmap: Ptr[mtmd_bitmap], id: CStr) -> None:
    """Set the id; the string is copied."""


@c_function
def mtmd_bitmap_set_mergeable(bitmap: Ptr[mtmd_bitmap], mergeable: Bool) -> None:
    """Allow merging with the frames beside it."""


@c_function
def mtmd_bitmap_init_lazy(
    ctx: ConstPtr[mtmd_context], id: CStr, user_data: VoidPtr, callback: mtmd_bitmap_lazy_callback
) -> Ptr[mtmd_bitmap]:
    """A bitmap whose content a callback yields during mtmd_tokenize(): keep it until then."""


@c_function
def mtmd_input_chunks_init() -> Ptr[mtmd_input_chunks]:
    """An empty prompt to tokenize into."""


@c_function
def mtmd_input_chunks_size(chunks: ConstPtr[mtmd_input_chunks]) -> Size:
    """Chunks."""


@c_function
def mtmd_input_chunks_get(
    chunks: ConstPtr[mtmd_input_chunks], idx: Size
) -> ConstPtr[mtmd_input_chunk]:
    """Chunk `idx`, owned by the prompt."""


@c_function
def mtmd_input_chunks_free(chunks: Ptr[mtmd_input_chunks]) -> None:
    """Free a prompt and its chunks."""


@c_function
def mtmd_input_chunk_get_type(chunk: ConstPtr[mtmd_input_chunk]) -> EnumOf[mtmd_input_chunk_type]:
    """Kind of the chunk."""


@c_function
def mtmd_input_chunk_get_tokens_text(
    chunk: ConstPtr[mtmd_input_chunk], n_tokens_output: Ptr[Size]
) -> ConstPtr[llama_token]:
    """Tokens of a text chunk; writes how many."""


@c_function
def mtmd_input_chunk_get_tokens_image(
    chunk: ConstPtr[mtmd_input_chunk],
) -> ConstPtr[mtmd_image_tokens]:
    """Tokens of an image chunk."""


@c_function
def mtmd_input_chunk_get_n_tokens(chunk: ConstPtr[mtmd_input_chunk]) -> Size:
    """Tokens of any chunk."""


@c_function
def mtmd_input_chunk_get_id(chunk: ConstPtr[mtmd_input_chunk]) -> CStr:
    """Id of its bitmap, NULL for text."""


@c_function
def mtmd_input_chunk_get_n_pos(chunk: ConstPtr[mtmd_input_chunk]) -> llama_pos:
    """Positions it takes up, fewer than tokens with M-RoPE."""


@c_function
def mtmd_input_chunk_copy(chunk: ConstPtr[mtmd_input_chunk]) -> Ptr[mtmd_input_chunk]:
    """A copy that the caller frees."""


@c_function
def mtmd_input_chunk_free(chunk: Ptr[mtmd_input_chunk]) -> None:
    """Free a copy."""


@c_function
def mtmd_input_chunk_get_placeholder(chunk: ConstPtr[mtmd_input_chunk]) -> Ptr[mtmd_input_chunk]:
    """A copy without the media, only for counting; the caller frees it."""


@c_function
def mtmd_input_chunk_save(
    chunk: ConstPtr[mtmd_input_chunk],
    out_buf: Ptr[Char],
    out_len: Size,
    expected_out_len: Ptr[Size],
) -> Int32:
    """Write the chunk without its media, 0 on success. NULL out_buf: only the bytes needed."""


@c_function
def mtmd_input_chunk_load(buf: CStr, len: Size) -> Ptr[mtmd_input_chunk]:
    """Read a chunk that was saved, as a placeholder; NULL on failure."""


@c_function
def mtmd_image_tokens_get_n_tokens(image_tokens: ConstPtr[mtmd_image_tokens]) -> Size:
    """Tokens of the image."""


@c_function
def mtmd_image_tokens_get_id(image_tokens: ConstPtr[mtmd_image_tokens]) -> CStr:
    """Id of its bitmap."""


@c_function
def mtmd_image_tokens_get_n_pos(image_tokens: ConstPtr[mtmd_image_tokens]) -> llama_pos:
    """Positions it takes up."""


@c_function
def mtmd_image_tokens_get_decoder_pos(
    image_tokens: ConstPtr[mtmd_image_tokens], pos_0: llama_pos, i: Size
) -> mtmd_decoder_pos:
    """M-RoPE position of embedding `i`, for an image that starts at pos_0."""


@c_function(releases_gil=True)
def mtmd_tokenize(
    ctx: ConstPtr[mtmd_context],
    output: Ptr[mtmd_input_chunks],
    text: ConstPtr[mtmd_input_text],
    bitmaps: ConstPtr[ConstPtr[mtmd_bitmap]],
    n_bitmaps: Size,
) -> Int32:
    """Tokenize a prompt with a marker for each bitmap, and prepare the media.

    0 ok; 1 the markers are not as many as the bitmaps; 2 a bitmap can't be used.
    """


@c_function(releases_gil=True)
def mtmd_tokenize_from_parts(
    ctx: ConstPtr[mtmd_context],
    output: Ptr[mtmd_input_chunks],
    parts: ConstPtr[ConstPtr[mtmd_input_part]],
    n_parts: Size,
    add_special: Bool,
) -> Int32:
    """Tokenize parts in order, without markers.

    0 ok; 1 a part has both text and bitmap, or none; 2 a bitmap can't be used.
    """


@c_function(releases_gil=True)
def mtmd_encode_chunk(ctx: Ptr[mtmd_context], chunk: ConstPtr[mtmd_input_chunk]) -> Int32:
    """Compute the embeddings of a media chunk; 0 on success."""


@c_function
def mtmd_get_output_embd(ctx: Ptr[mtmd_context]) -> Ptr[Float]:
    """Embeddings of the last mtmd_encode_chunk(): (n_tokens, n_embd_inp)."""


@c_function
def mtmd_batch_init(ctx: Ptr[mtmd_context]) -> Ptr[mtmd_batch]:
    """An empty batch for the context."""


@c_function
def mtmd_batch_free(batch: Ptr[mtmd_batch]) -> None:
    """Free a batch, not its chunks."""


@c_function
def mtmd_batch_add_chunk(batch: Ptr[mtmd_batch], chunk: ConstPtr[mtmd_input_chunk]) -> Int32:
    """Add a media chunk. 0 ok, 1 error, 2 batch full, 3 does not go with the others."""


@c_function(releases_gil=True)
def mtmd_batch_encode(batch: Ptr[mtmd_batch]) -> Int32:
    """Compute the embeddings of all chunks; 0 on success."""


@c_function
def mtmd_batch_get_output_embd(
    batch: Ptr[mtmd_batch], chunk: ConstPtr[mtmd_input_chunk]
) -> Ptr[Float]:
    """Embeddings of one chunk: (n_tokens, n_embd_inp)."""


@c_function
def mtmd_log_set(log_callback: ggml_log_callback, user_data: VoidPtr) -> None:
    """Register the log callback; NULL restores stderr. Covers mtmd only."""


@c_function(releases_gil=True)
def mtmd_get_cap_from_file(mmproj_fname: CStr) -> mtmd_caps:
    """Read from a file what it takes in, without loading it."""
