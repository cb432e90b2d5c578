"""Documents of a grammar without a model: at every byte a random one of those that may come."""

from __future__ import annotations

import random

import numpy as np
from llguidance import LLMatcher
from llguidance import LLTokenizer

TOKENIZER = LLTokenizer("byte")
EOS = TOKENIZER.eos_token
CLOSING = [ord(c) for c in '"}]']
LONG = 300
"""After so many bytes a walk looks for an end."""
MAX_BYTES = 5000


class Stuck(Exception):
    """Nothing may come next."""


def matcher_of(rule: str) -> LLMatcher:
    """A matcher of one expression."""
    matcher = LLMatcher(TOKENIZER, f"start: {rule}", log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    return matcher


def walk(matcher: LLMatcher, rng: random.Random) -> str:
    """One document. Stuck."""
    matcher, data = matcher.deep_copy(), bytearray()
    while len(data) < MAX_BYTES:
        bits = np.unpackbits(np.frombuffer(matcher.compute_bitmask(), np.uint8), bitorder="little")
        allowed = bits.nonzero()[0].tolist()
        if matcher.is_error() or not allowed:
            raise Stuck(f"{matcher.get_error()[:300]} after {bytes(data)!r}")
        token = _choose(allowed, rng, is_long=len(data) > LONG)
        if token == EOS:
            return data.decode()
        assert matcher.consume_token(token), matcher.get_error()
        data.append(token)
    raise Stuck(f"no end of {bytes(data[:100])!r}...")


def _choose(allowed: list[int], rng: random.Random, *, is_long: bool) -> int:
    """Ends are likelier than chance would have them, or strings would be long."""
    ends = [token for token in (EOS, *CLOSING) if token in allowed]
    if ends and rng.random() < (0.9 if is_long else 0.15):
        return ends[0] if is_long else rng.choice(ends)
    return rng.choice(allowed)
