"""What can go wrong inside the engine, in the engine's words.

A runner translates the faults of the native library into these, so that the engine needs no
knowledge of return codes.
"""

from __future__ import annotations

NO_NUMBER = "no token could be sampled: the model's output is no number"


class EngineError(Exception):
    """The root of everything the engine raises."""


class BadSampling(EngineError):
    """The sampling parameters of a request can't be honoured; the message is for the client."""


class BadGrammar(BadSampling):
    """A grammar can't be followed, or takes too much; the message is for the client."""


class BadLogits(BadSampling):
    """The model's output is no number; what led to it may spoil all that shares its memory."""


class KvFull(EngineError):
    """The batch found no room in the KV cache; nothing was computed and nothing changed."""


class DecodeFailed(EngineError):
    """The batch failed for good; what the memory holds for its sequences is unknown."""


class StateRefused(EngineError):
    """A slot's state can't be saved or restored; the message is for the client."""


class LoadFailed(EngineError):
    """The model or its context could not be made; the message is one line for the operator."""


class WrongThread(EngineError):
    """A libllama call was about to be made outside the engine thread (a bug of ours)."""
