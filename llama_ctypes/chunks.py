"""A prompt with media, tokenized: chunks of text tokens and of media. mtmd.h: mtmd_input_chunks

A chunk that belongs to a prompt keeps that alive; a copy owns itself. Knows no projector.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

from llama_ctypes.ctype import NULL
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import ref
from llama_ctypes.errors import MediaError
from llama_ctypes.handle import Handle
from llama_ctypes.raw import mtmd as raw
from llama_ctypes.raw import mtmd_helper as raw_helper
from llama_ctypes.raw.mtmd_types import mtmd_input_chunk
from llama_ctypes.raw.mtmd_types import mtmd_input_chunk_type
from llama_ctypes.raw.mtmd_types import mtmd_input_chunks


class InputChunk(Handle[mtmd_input_chunk]):
    """A piece of a prompt. `placeholder`: it has no media, only their measures."""

    noun = "chunk"

    def __init__(
        self,
        pointer: Any,
        owner: InputChunks | None = None,
        placeholder: bool = False,
    ) -> None:
        """A chunk of `owner`, or one that owns itself."""
        super().__init__(pointer, *([owner] if owner else []))
        self._owner = owner
        self.placeholder = placeholder
        self.type = mtmd_input_chunk_type(raw.mtmd_input_chunk_get_type(pointer))

    @classmethod
    def from_bytes(cls, data: bytes) -> InputChunk:
        """Read what to_bytes() wrote, as a placeholder."""
        pointer = raw.mtmd_input_chunk_load(data, len(data))
        if not pointer:
            raise MediaError("the saved chunk is damaged or of another version; tokenize again")
        return cls(pointer, placeholder=True)

    @property
    def is_text(self) -> bool:
        """Whether it is text, so that tokens() are what to decode."""
        return self.type == mtmd_input_chunk_type.MTMD_INPUT_CHUNK_TYPE_TEXT

    @property
    def n_tokens(self) -> int:
        """Tokens, or embeddings."""
        return raw.mtmd_input_chunk_get_n_tokens(self.ptr)

    @property
    def n_pos(self) -> int:
        """Positions it takes up; fewer than n_tokens with M-RoPE."""
        return raw.mtmd_input_chunk_get_n_pos(self.ptr)

    @property
    def id(self) -> str | None:
        """Id of its bitmap; None for text."""
        found = raw.mtmd_input_chunk_get_id(self.ptr)
        return None if found is None else found.decode("utf-8", "replace")

    def tokens(self) -> list[int]:
        """Tokens of a text chunk; empty for media."""
        if not self.is_text:
            return []
        n = ctypes.c_size_t()
        tokens = raw.mtmd_input_chunk_get_tokens_text(self.ptr, ref(n))
        return [tokens[i] for i in range(n.value)]

    def copy(self) -> InputChunk:
        """A copy that owns itself."""
        return InputChunk(raw.mtmd_input_chunk_copy(self.ptr), placeholder=self.placeholder)

    def to_bytes(self) -> bytes:
        """The chunk without its media, for from_bytes()."""
        n, pointer = ctypes.c_size_t(), self.ptr
        raw.mtmd_input_chunk_save(pointer, NULL, 0, ref(n))
        buffer = ctypes.create_string_buffer(n.value)
        if raw.mtmd_input_chunk_save(pointer, buffer, n.value, ref(n)):
            raise MediaError("the chunk cannot be saved")
        return buffer.raw

    def _dispose(self, pointer: Ptr[mtmd_input_chunk]) -> None:
        if self._owner is None:
            raw.mtmd_input_chunk_free(pointer)


class InputChunks(Handle[mtmd_input_chunks]):
    """Owner of a tokenized prompt: a sequence of chunks."""

    noun = "prompt"

    def __len__(self) -> int:
        """How many chunks."""
        return raw.mtmd_input_chunks_size(self.ptr)

    def __getitem__(self, i: int) -> InputChunk:
        """Chunk `i`, which keeps the prompt alive."""
        if not 0 <= i < len(self):
            raise IndexError(i)
        return InputChunk(raw.mtmd_input_chunks_get(self.ptr, i), self)

    def __iter__(self) -> Iterator[InputChunk]:
        """All chunks, in order."""
        return (self[i] for i in range(len(self)))

    @property
    def n_tokens(self) -> int:
        """Tokens and embeddings of all chunks."""
        return raw_helper.mtmd_helper_get_n_tokens(self.ptr)

    @property
    def n_pos(self) -> int:
        """Positions of all chunks."""
        return raw_helper.mtmd_helper_get_n_pos(self.ptr)

    def _dispose(self, pointer: Ptr[mtmd_input_chunks]) -> None:
        raw.mtmd_input_chunks_free(pointer)
