"""Images as input, with a tiny random projector."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from llama_ctypes.chunks import InputChunk
from llama_ctypes.context import Context
from llama_ctypes.errors import InUse
from llama_ctypes.errors import MediaError
from llama_ctypes.errors import UseAfterFree
from llama_ctypes.media import Bitmap
from llama_ctypes.media import InputChunks
from llama_ctypes.media import MediaBatch
from llama_ctypes.media import MediaContext
from llama_ctypes.media import default_marker
from llama_ctypes.model import Model
from tests.tiny_models import build_tiny_mmproj

N_IMAGE_TOKENS = 4


@pytest.fixture(scope="module")
def mmproj_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_mmproj(tmp_path_factory.mktemp("media") / "mmproj.gguf")


@pytest.fixture
def media(model: Model, mmproj_path: Path) -> Iterator[MediaContext]:
    params = MediaContext.default_params()
    params.use_gpu, params.warmup, params.n_threads = False, False, 1
    media = MediaContext.load(mmproj_path, model, params)
    yield media
    media.close()


def picture(seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (28, 28, 3), dtype=np.uint8)


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    height, width, _ = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    out = io.BytesIO(b"")
    out.write(b"\x89PNG\r\n\x1a\n")
    out.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
    out.write(chunk(b"IDAT", zlib.compress(rows)))
    out.write(chunk(b"IEND", b""))
    return out.getvalue()


def prompt(media: MediaContext, *bitmaps: Bitmap) -> InputChunks:
    text = "see " + media.marker * len(bitmaps) + " here"
    return media.tokenize(text, bitmaps, add_special=True, parse_special=True)


def image_chunk(media: MediaContext, seed: int = 0) -> InputChunk:
    return next(
        chunk for chunk in prompt(media, Bitmap.from_rgb(picture(seed))) if not chunk.is_text
    )


def test_projector_tells_what_it_takes(media: MediaContext, mmproj_path: Path) -> None:
    assert media.supports_vision
    assert not (media.supports_audio or media.uses_mrope)
    assert media.marker == default_marker()
    assert MediaContext.capabilities(mmproj_path).inp_vision


def test_bitmap_holds_its_pixels() -> None:
    bitmap = Bitmap.from_rgb(picture())
    assert (bitmap.width, bitmap.height, bitmap.is_audio) == (28, 28, False)
    assert bitmap.data() == picture().tobytes()


def test_bitmap_has_an_id() -> None:
    bitmap = Bitmap.from_rgb(picture())
    bitmap.id = "abc"
    assert bitmap.id == "abc"


def test_audio_bitmap_holds_its_samples() -> None:
    samples = np.linspace(-1, 1, 100, dtype=np.float32)
    bitmap = Bitmap.from_audio(samples)
    assert bitmap.is_audio
    assert bitmap.data() == samples.tobytes()


def test_image_file_becomes_its_pixels(media: MediaContext) -> None:
    bitmap = media.bitmap_from_bytes(png(picture()))
    assert bitmap.data() == picture().tobytes()
    assert len(bitmap.id) == 64


def test_other_file_is_no_medium(media: MediaContext) -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        media.bitmap_from_bytes(b"this is no picture")


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 4), (0, 28, 3)])
def test_pixels_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(MediaError, match=r"\(height, width, 3\) uint8"):
        Bitmap.from_rgb(np.zeros(shape, dtype=np.uint8))


def test_prompt_becomes_text_and_image_chunks(media: MediaContext, model: Model) -> None:
    chunks = prompt(media, Bitmap.from_rgb(picture()))
    assert [chunk.is_text for chunk in chunks] == [True, False, True]
    assert chunks[0].tokens() == model.vocab.tokenize("see ", True, True)
    assert (chunks[1].n_tokens, chunks[1].n_pos, chunks[1].tokens()) == (4, 4, [])
    assert chunks.n_tokens == chunks.n_pos == sum(chunk.n_tokens for chunk in chunks)


def test_chunk_carries_the_id_of_its_bitmap(media: MediaContext) -> None:
    bitmap = Bitmap.from_rgb(picture())
    bitmap.id = "abc"
    assert [chunk.id for chunk in prompt(media, bitmap)] == [None, "abc", None]


def test_markers_and_bitmaps_must_be_equally_many(media: MediaContext) -> None:
    with pytest.raises(MediaError, match="has 1 media markers for 0 media files"):
        media.tokenize(f"see {media.marker}", [], True, True)


def test_encoding_depends_on_the_image(media: MediaContext, model: Model) -> None:
    first = media.encode(image_chunk(media, 1)).copy()
    second = media.encode(image_chunk(media, 2))
    assert first.shape == (N_IMAGE_TOKENS, model.n_embd_inp)
    assert np.isfinite(first).all()
    assert not np.array_equal(first, second)


def test_text_chunk_has_no_embeddings(media: MediaContext) -> None:
    chunk = prompt(media, Bitmap.from_rgb(picture()))[0]
    with pytest.raises(MediaError, match="text chunk"):
        media.encode(chunk)


def test_prompt_is_evaluated(media: MediaContext, context: Context) -> None:
    chunks = prompt(media, Bitmap.from_rgb(picture()))
    after = media.evaluate(context, chunks, 0, 0)
    assert after == chunks.n_pos
    assert context.memory.seq_pos_max(0) == after - 1
    assert np.isfinite(context.logits(-1)).all()


def test_embeddings_decode_at_their_positions(media: MediaContext, context: Context) -> None:
    chunk = image_chunk(media)
    after = media.decode_embeddings(context, chunk, media.encode(chunk), 0, 1)
    assert after == N_IMAGE_TOKENS
    assert context.memory.seq_pos_max(1) == N_IMAGE_TOKENS - 1
    assert not media.needs_non_causal(chunk)


def test_embeddings_of_another_shape_are_refused(media: MediaContext, context: Context) -> None:
    with pytest.raises(MediaError, match=r"shape \(1, 2\)"):
        media.decode_embeddings(context, image_chunk(media), np.zeros((1, 2), np.float32), 0, 0)


def test_batch_encodes_as_one_by_one(media: MediaContext) -> None:
    chunk = image_chunk(media)
    alone = media.encode(chunk).copy()
    batch = MediaBatch(media)
    assert batch.add(chunk)
    batch.encode()
    np.testing.assert_allclose(batch.embeddings(chunk), alone, rtol=1e-5, atol=1e-5)


def test_batch_knows_its_chunks(media: MediaContext) -> None:
    batch = MediaBatch(media)
    with pytest.raises(MediaError, match="batch is empty"):
        batch.encode()
    with pytest.raises(MediaError, match="not in this batch"):
        batch.embeddings(image_chunk(media))


def test_saved_chunk_comes_back_as_a_placeholder(media: MediaContext) -> None:
    chunk = InputChunk.from_bytes(image_chunk(media).to_bytes())
    assert (chunk.n_tokens, chunk.n_pos) == (N_IMAGE_TOKENS, N_IMAGE_TOKENS)
    with pytest.raises(MediaError, match="placeholder"):
        media.encode(chunk)


def test_nonsense_is_no_saved_chunk() -> None:
    with pytest.raises(MediaError, match="damaged or of another version"):
        InputChunk.from_bytes(b"nonsense")


def test_copy_of_a_chunk_outlives_its_prompt(media: MediaContext) -> None:
    chunks = prompt(media, Bitmap.from_rgb(picture()))
    copy = chunks[1].copy()
    chunks.close()
    assert media.encode(copy).shape[0] == N_IMAGE_TOKENS


def test_chunk_keeps_its_prompt_alive(media: MediaContext) -> None:
    chunks = prompt(media, Bitmap.from_rgb(picture()))
    chunk = chunks[0]
    with pytest.raises(InUse, match="1 chunk"):
        chunks.free()
    del chunks
    assert chunk.tokens()


def test_model_cannot_be_freed_under_its_projector(own_model: Model, mmproj_path: Path) -> None:
    media = MediaContext.load(mmproj_path, own_model)
    with pytest.raises(InUse, match="1 media context"):
        own_model.free()
    media.free()
    own_model.free()


def test_freed_objects_raise(media: MediaContext, context: Context) -> None:
    bitmap = Bitmap.from_rgb(picture())
    chunks = prompt(media, bitmap)
    chunk, batch = chunks[1], MediaBatch(media)
    for each in (batch, chunk, chunks, bitmap, media):
        each.free()
        with pytest.raises(UseAfterFree):
            each.free()
    uses = (
        lambda: bitmap.width,
        lambda: chunk.n_tokens,
        lambda: len(chunks),
        batch.encode,
        lambda: media.encode(chunk),
        lambda: media.tokenize("a", [], True, True),
        lambda: media.evaluate(context, chunks, 0, 0),
    )
    for use in uses:
        with pytest.raises((UseAfterFree, MediaError)):
            use()


def test_missing_and_wrong_projectors_are_named(model: Model, tiny_model_path: Path) -> None:
    with pytest.raises(MediaError, match=r"/no/such\.gguf: no such file"):
        MediaContext.load("/no/such.gguf", model)
    with pytest.raises(MediaError, match="could not be loaded"):
        MediaContext.load(tiny_model_path, model)
