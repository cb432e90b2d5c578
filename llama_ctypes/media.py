"""Images and audio as input: projector, bitmaps, prompts with media. mtmd.h, mtmd-helper.h

A prompt becomes chunks of text and media; media chunks are encoded to embeddings, which a context
decodes. Encoding and evaluating are not thread-safe; tokenizing is. Knows no chat format.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from llama_ctypes import log
from llama_ctypes.bitmap import Bitmap
from llama_ctypes.buffers import Floats
from llama_ctypes.buffers import StrPath
from llama_ctypes.buffers import path_bytes
from llama_ctypes.buffers import pointer_array
from llama_ctypes.buffers import view_floats
from llama_ctypes.chunks import InputChunk
from llama_ctypes.chunks import InputChunks
from llama_ctypes.context import Context
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import ref
from llama_ctypes.errors import MediaError
from llama_ctypes.errors import decode_error
from llama_ctypes.gguf_file import complaint_after
from llama_ctypes.gguf_file import complaint_before
from llama_ctypes.handle import Handle
from llama_ctypes.model import Model
from llama_ctypes.raw import mtmd as raw
from llama_ctypes.raw import mtmd_helper as raw_helper
from llama_ctypes.raw.mtmd_helper import mtmd_helper_post_decode_callback
from llama_ctypes.raw.mtmd_types import mtmd_batch
from llama_ctypes.raw.mtmd_types import mtmd_bitmap
from llama_ctypes.raw.mtmd_types import mtmd_caps
from llama_ctypes.raw.mtmd_types import mtmd_context
from llama_ctypes.raw.mtmd_types import mtmd_context_params
from llama_ctypes.raw.mtmd_types import mtmd_input_text

__all__ = ["Bitmap", "InputChunk", "InputChunks", "MediaBatch", "MediaContext"]

_FLOAT_P = ctypes.POINTER(ctypes.c_float)


class MediaContext(Handle[mtmd_context]):
    """Owner of a projector, loaded for one model."""

    noun = "media context"

    def __init__(
        self, pointer: Ptr[mtmd_context], model: Model, params: mtmd_context_params
    ) -> None:
        """Take over a loaded projector; use `MediaContext.load`."""
        super().__init__(pointer, model)
        self.model = model
        self._params = params
        self.supports_vision = raw.mtmd_support_vision(pointer)
        self.supports_audio = raw.mtmd_support_audio(pointer)
        self.supports_video = raw_helper.mtmd_helper_support_video(pointer)
        self.uses_mrope = raw.mtmd_decode_use_mrope(pointer)
        self.audio_sample_rate = raw.mtmd_get_audio_sample_rate(pointer)
        self.marker = (raw.mtmd_get_marker(pointer) or b"").decode()

    @classmethod
    def load(
        cls, path: StrPath, model: Model, params: mtmd_context_params | None = None
    ) -> MediaContext:
        """Load an mmproj file. MediaError: one sentence that says what is wrong."""
        complaint = complaint_before(path)
        if complaint:
            raise MediaError(complaint)
        params = params or cls.default_params()
        point = log.mark()
        pointer = raw.mtmd_init_from_file(path_bytes(path), model.ptr, params)
        if not pointer:
            raise MediaError(complaint_after(path, log.errors_since(point)))
        return cls(pointer, model, params)

    @staticmethod
    def default_params() -> mtmd_context_params:
        """The defaults, to be changed and passed on."""
        return raw.mtmd_context_params_default()

    @staticmethod
    def capabilities(path: StrPath) -> mtmd_caps:
        """What an mmproj file takes in, without loading it."""
        complaint = complaint_before(path)
        if complaint:
            raise MediaError(complaint)
        return raw.mtmd_get_cap_from_file(path_bytes(path))

    def bitmap_from_bytes(self, data: bytes, placeholder: bool = False) -> Bitmap:
        """Decode a jpg, png, bmp, gif, wav, mp3 or flac file; its id is the SHA-256 in hex.

        placeholder: no pixels or samples, only for counting tokens. Thread-safe, releases the GIL.
        """
        options, point = raw_helper.mtmd_helper_init_opt_default(), log.mark()
        found = raw_helper.mtmd_helper_bitmap_init_from_buf(
            self.ptr, data, len(data), placeholder, options
        )
        if found.video_ctx:
            raw_helper.mtmd_helper_video_free(found.video_ctx)
        if not found.bitmap:
            raise MediaError(log.explain("the media file cannot be read", point))
        return Bitmap(found.bitmap)

    def tokenize(
        self, text: str, bitmaps: Sequence[Bitmap], add_special: bool, parse_special: bool
    ) -> InputChunks:
        """Split a prompt, with one `marker` for each bitmap, into chunks; releases the GIL."""
        n = text.count(self.marker)
        if n != len(bitmaps):
            raise MediaError(f"the prompt has {n} media markers for {len(bitmaps)} media files")
        data = text.encode()
        prompt = mtmd_input_text(data, len(data), add_special, parse_special)
        pointers = pointer_array(mtmd_bitmap, [each.ptr for each in bitmaps])
        chunks, point = InputChunks(raw.mtmd_input_chunks_init()), log.mark()
        rc = raw.mtmd_tokenize(self.ptr, chunks.ptr, ref(prompt), pointers, len(bitmaps))
        if rc:
            raise MediaError(log.explain("a media file cannot be used", point))
        return chunks

    def needs_non_causal(self, chunk: InputChunk) -> bool:
        """Whether decoding the chunk needs Context.set_causal_attn(False)."""
        return raw.mtmd_decode_use_non_causal(self.ptr, chunk.ptr)

    def encode(self, chunk: InputChunk) -> Floats:
        """Embeddings of a media chunk, (n_tokens, n_embd_inp) f32, valid until the next encode."""
        _check_media(chunk)
        point = log.mark()
        if raw.mtmd_encode_chunk(self.ptr, chunk.ptr):
            raise MediaError(log.explain("a media chunk cannot be encoded", point))
        return _embeddings(raw.mtmd_get_output_embd(self.ptr), chunk, self.model, self)

    def evaluate(
        self,
        context: Context,
        chunks: InputChunks,
        n_past: int,
        seq_id: int,
        logits_last: bool = True,
    ) -> int:
        """Encode and decode all chunks from position `n_past` on; returns the next position."""
        after = ctypes.c_int32(n_past)
        rc = raw_helper.mtmd_helper_eval_chunks(
            self.ptr, context.ptr, chunks.ptr, n_past, context._check_seq(seq_id),
            context.n_batch, logits_last, ref(after),
        )  # fmt: skip
        if rc:
            raise decode_error(rc, "a prompt with media could not be evaluated")
        context.n_outputs = int(logits_last)
        return after.value

    def decode_embeddings(
        self, context: Context, chunk: InputChunk, embeddings: Floats, n_past: int, seq_id: int
    ) -> int:
        """Decode what encode() gave, as positions and mask need it; returns the next position."""
        _check_media(chunk)
        if embeddings.shape != (chunk.n_tokens, self.model.n_embd_inp):
            raise MediaError(f"embeddings of shape {embeddings.shape} are not those of this chunk")
        after = ctypes.c_int32(n_past)
        rc = raw_helper.mtmd_helper_decode_image_chunk(
            self.ptr, context.ptr, chunk.ptr, embeddings.ctypes.data_as(_FLOAT_P), n_past,
            context._check_seq(seq_id), context.n_batch, ref(after),
            mtmd_helper_post_decode_callback(), None,
        )  # fmt: skip
        if rc:
            raise decode_error(rc, "a media chunk could not be decoded")
        return after.value

    def _dispose(self, pointer: Ptr[mtmd_context]) -> None:
        raw.mtmd_free(pointer)


class MediaBatch(Handle[mtmd_batch]):
    """Owner of a batch of media chunks that are encoded together."""

    noun = "media batch"

    def __init__(self, context: MediaContext) -> None:
        """An empty batch."""
        super().__init__(raw.mtmd_batch_init(context.ptr), context)
        self._context = context
        self._chunks: list[InputChunk] = []

    def add(self, chunk: InputChunk) -> bool:
        """Add a media chunk. False: the batch is full, or the chunk does not go with the others."""
        _check_media(chunk)
        rc = raw.mtmd_batch_add_chunk(self.ptr, chunk.ptr)
        if rc == 1:
            raise MediaError("the chunk cannot be encoded in a batch")
        if rc == 0:
            self._chunks.append(chunk)
        return rc == 0

    def encode(self) -> None:
        """Compute the embeddings of all chunks; releases the GIL."""
        point = log.mark()
        if not self._chunks:
            raise MediaError("the batch is empty; add a chunk first")
        if raw.mtmd_batch_encode(self.ptr):
            raise MediaError(log.explain("the batch cannot be encoded", point))

    def embeddings(self, chunk: InputChunk) -> Floats:
        """Embeddings of one of its chunks, (n_tokens, n_embd_inp) f32, valid until it is freed."""
        if all(each is not chunk for each in self._chunks):
            raise MediaError("the chunk is not in this batch; add it before encode()")
        pointer = raw.mtmd_batch_get_output_embd(self.ptr, chunk.ptr)
        return _embeddings(pointer, chunk, self._context.model, self)

    def _dispose(self, pointer: Ptr[mtmd_batch]) -> None:
        raw.mtmd_batch_free(pointer)


def default_marker() -> str:
    """The marker that stands for a medium, unless the projector's params set another."""
    return (raw.mtmd_default_marker() or b"").decode()


def _check_media(chunk: InputChunk) -> None:
    if chunk.is_text:
        raise MediaError("a text chunk has no embeddings; decode its tokens")
    if chunk.placeholder:
        raise MediaError("a placeholder has no media; tokenize the prompt with the media file")


def _embeddings(pointer: Ptr[float], chunk: InputChunk, model: Model, owner: Any) -> Floats:
    if not pointer:
        raise MediaError("the chunk has no embeddings yet; encode it first")
    n, width = chunk.n_tokens, model.n_embd_inp
    return view_floats(pointer, n * width, owner).reshape(n, width)
