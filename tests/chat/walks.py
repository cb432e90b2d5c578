"""Random walks through a grammar: texts that a model without any sense could write under it."""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import cache

import numpy as np
from llguidance import LLMatcher
from llguidance import LLTokenizer
from llguidance.numpy import allocate_token_bitmask
from llguidance.numpy import fill_next_token_bitmask

from server.chat.formats.format import BracedArguments
from server.chat.formats.format import ElementArguments
from server.chat.formats.format import Format
from server.chat.formats.format import TaggedArguments
from server.chat.formats.markup import tags_of
from server.chat.formats.markup import texts_of

ELEMENTS = ("item", "city", "note", "q", "a", "tags", "o")
"""Names of parameters that tests have."""
MANY = 40
"""Bytes that may come next in free text."""
N_TRIES = 4
LETTERS = b"abcdefg <>\"'{}[]:,=\n0123/\\&]!-|"


class EndlessText(AssertionError):
    """A walk came to no end."""


@cache
def tokenizer() -> LLTokenizer:
    """Every byte is a token."""
    return LLTokenizer("byte")


def matcher_of(lark: str) -> LLMatcher:
    matcher = LLMatcher(tokenizer(), lark, log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    return matcher


def matches(lark: str, text: str) -> bool:
    """Whether the grammar matches the whole of a text."""
    matcher = matcher_of(lark)
    data = list(text.encode())
    return bool(matcher.try_consume_tokens(data) == len(data) and matcher.is_accepting())


def walk(
    lark: str,
    fmt: Format,
    chooser: random.Random,
    limit: int = 4000,
    words: Iterable[str] = (),
    names: Iterable[str] = ELEMENTS,
) -> str:
    """A text that the grammar matches. EndlessText.

    fmt: its markup ends free text sooner or later. words: what texts may have in them besides it;
    names: of parameters.
    """
    matcher = matcher_of(lark)
    inserted = [text.encode() for text in [*sorted(tags_of(fmt) | texts_of(fmt)), *words]]
    ends = [text.encode() for text in ends_of(fmt, names)]
    bitmask = allocate_token_bitmask(1, tokenizer().vocab_size)
    out = bytearray()
    while len(out) < limit:
        if matcher.is_stopped():
            return out.decode()
        fill_next_token_bitmask(matcher, bitmask)
        bits = np.unpackbits(bitmask.view(np.uint8)[0], bitorder="little")
        allowed = [int(token) for token in np.flatnonzero(bits[:256])]
        if not allowed or (matcher.is_accepting() and chooser.random() < 0.5):
            return out.decode()
        chosen = ends if chooser.random() < 0.5 else inserted
        piece = _next(matcher, allowed, chosen, chooser)
        assert matcher.consume_tokens(list(piece)), (bytes(out), piece)
        out += piece
    raise EndlessText(f"no end after {limit} bytes: {bytes(out[-200:])!r}")


def _next(
    matcher: LLMatcher, allowed: list[int], words: list[bytes], chooser: random.Random
) -> bytes:
    if len(allowed) > MANY:
        if chooser.random() < 0.3:
            # each try costs some of what the matcher may spend on a step
            for word in chooser.sample(words, min(N_TRIES, len(words))):
                if word and matcher.validate_tokens(list(word)) == len(word):
                    return word
        return bytes([chooser.choice([byte for byte in LETTERS if byte in allowed])])
    ends = [byte for byte in b'"}]),>' if byte in allowed]
    if ends and chooser.random() < 0.3:
        return bytes([chooser.choice(ends)])
    return bytes([chooser.choice([byte for byte in allowed if byte < 0x80] or allowed)])


def ends_of(fmt: Format, names: Iterable[str] = ELEMENTS) -> list[str]:
    """What ends thoughts and values."""
    ends = ['"', "]", "}"]
    if fmt.reasoning:
        ends.append(fmt.reasoning.end.strip())
    match fmt.calls and fmt.calls.call.arguments:
        case TaggedArguments(end=end):
            ends.append(end)
        case BracedArguments(quote=quote):
            ends.append(quote)
        case ElementArguments(mark=mark):
            ends += [f"{mark}</{name}>" for name in names]
    return ends
