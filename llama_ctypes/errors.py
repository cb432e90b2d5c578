"""The exceptions of llama_ctypes: one root, one class for each thing a caller may want to catch.

Knows nothing of HTTP; the server maps these classes to status codes.
"""

from __future__ import annotations


class LlamaError(Exception):
    """Root of everything that llama_ctypes raises on purpose."""


class LibraryError(LlamaError):
    """The shared libraries are missing, incomplete, or not those that the declarations fit."""


# owners


class UseAfterFree(LlamaError):
    """An object was used or freed after it had been freed, or after something else took it over."""


class InUse(LlamaError):
    """An object cannot be freed while objects made from it are alive."""


# making things


class ModelLoadError(LlamaError):
    """The file is missing, no GGUF or damaged, or libllama refuses it; the message says which."""


class LoadCancelled(LlamaError):
    """The progress callback asked to stop loading."""


class ContextError(LlamaError):
    """libllama made no context with these parameters, or a call needs a context that has more."""


class AdapterError(LlamaError):
    """An adapter or control vector could not be loaded or does not fit the model."""


class QuantizeError(LlamaError):
    """A model file could not be converted to another type."""


class StateError(LlamaError):
    """A saved state could not be written, read, or does not fit this context."""


class MediaError(LlamaError):
    """An image, audio or projector file could not be used."""


# running


class TokenError(LlamaError):
    """A token id outside the vocabulary, or a text that cannot be tokenized."""


class BatchError(LlamaError):
    """A batch has no room for what is added, or mixes what cannot be mixed."""


class SequenceError(LlamaError):
    """A sequence id or position that this memory cannot take."""


class SamplerError(LlamaError):
    """A sampler cannot be made, or a chain cannot select a token."""


class NotANumber(SamplerError):
    """The logits of a row are NaN: the weights, or the memory that the row sees, are damaged."""


class GrammarError(SamplerError):
    """A grammar does not parse, or a token was accepted that the grammar forbids."""


class DecodeError(LlamaError):
    """libllama did not process a batch. `rc` is what llama_decode or llama_encode returned."""

    def __init__(self, message: str, rc: int) -> None:
        """`message` is for people, `rc` for programs."""
        super().__init__(message)
        self.rc = rc


class KvFull(DecodeError):
    """No room in the KV cache for this batch (1); the memory is as it was before the call."""


class Aborted(DecodeError):
    """The abort callback stopped the batch (2); what was processed stays in the memory."""


class BadBatch(DecodeError):
    """The batch is invalid (-1); the memory is as it was before the call."""


class DecodeFailed(DecodeError):
    """A backend failed (< -1); what was processed stays in the memory."""


def decode_error(rc: int, reason: str = "") -> DecodeError:
    """The exception for a return code other than 0. `reason`: what libllama logged."""
    why = f": {reason}" if reason else ""
    if rc == 1:
        return KvFull(
            "no room in the KV cache for this batch; free sequences or use a smaller one", rc
        )
    if rc == 2:
        return Aborted("the abort callback stopped the batch", rc)
    if rc == -1:
        return BadBatch(f"libllama refused the batch{why}", rc)
    return DecodeFailed(f"libllama failed to process the batch (rc {rc}){why}", rc)
