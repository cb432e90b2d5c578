"""Where a lazy grammar begins: finds the first of a request's triggers in what the model writes.

A trigger is a token, a text or an expression. Each token is looked at once; nothing is read again.
It knows no grammars. Answers to llama_grammar_accept_impl in llama.cpp `src/llama-grammar.cpp`,
which matches all of the text again for every token.
"""

from __future__ import annotations

import codecs
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from server.engine.errors import BadGrammar
from server.engine.pattern import PatternRefused
from server.engine.pattern import PatternSearch
from server.engine.tags import TagSearch
from server.engine.task import Trigger
from server.engine.task import TriggerKind


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a grammar has to match first: tokens, of which the first have so much text before it."""

    before: bytes
    tokens: tuple[int, ...]


class TriggerSearch:
    """The triggers of one request, and where its output is. Engine thread only."""

    def __init__(self, triggers: Sequence[Trigger], pieces: Sequence[bytes]) -> None:
        """pieces: of every token, control tokens with their text. BadGrammar."""
        self._pieces = pieces
        self._ids = frozenset(t.token for t in triggers if t.kind is TriggerKind.TOKEN)
        texts = [trigger for trigger in triggers if trigger.kind is not TriggerKind.TOKEN]
        self._searches = [_searched(trigger) for trigger in texts]
        self._tokens: list[int] = []
        self._ends: list[int] = []
        """Where each token's text ends, in bytes."""

    def find(self, token: int) -> Beginning | None:
        """What `push` would find; nothing changes."""
        if token in self._ids:
            return Beginning(b"", (token,))
        piece, start = self._pieces[token], self._ends[-1] if self._ends else 0
        for search in self._searches:
            at = search.find(piece, start)
            if at is not None:
                return self._from(at, token)
        return None

    def push(self, token: int) -> Beginning | None:
        """Add a token. Where it completes a trigger: what belongs to the grammar."""
        beginning = self.find(token)
        piece, start = self._pieces[token], self._ends[-1] if self._ends else 0
        for search in self._searches:
            search.push(piece, start)
        self._tokens.append(token)
        self._ends.append(start + len(piece))
        return beginning

    def forget(self) -> None:
        """Begin again after what was added."""
        for search in self._searches:
            search.forget()
        self._tokens.clear()
        self._ends.clear()

    def _from(self, at: int, token: int) -> Beginning:
        """The tokens with text from a place on, the first from the beginning of a character on."""
        first = bisect_right(self._ends, at)
        tokens = [*self._tokens, token]
        while first and _is_inside(self._pieces[tokens[first]]):
            first -= 1
        start = self._ends[first - 1] if first else 0
        chosen = tuple(token for token in tokens[first:] if self._pieces[token])
        text = b"".join(self._pieces[token] for token in chosen)
        return Beginning(text[: at - start], chosen)


class _Word:
    """A text."""

    def __init__(self, word: bytes) -> None:
        self._word = word
        self._search = TagSearch([word])

    def find(self, piece: bytes, start: int) -> int | None:
        found = self._search.find(piece)
        return None if found is None else start + len(piece) - len(found.rest) - len(self._word)

    def push(self, piece: bytes, start: int) -> None:
        self._search.push(piece)

    def forget(self) -> None:
        self._search = TagSearch([self._word])


class _Expression:
    """An expression, over characters; what is no UTF-8 is a character for each byte."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._decode = codecs.getincrementaldecoder("utf-8")
        self.forget()

    def forget(self) -> None:
        self._decoder = self._decode("surrogateescape")
        self._search = PatternSearch(self._pattern)
        self._start = 0
        """Where the first character is that has not been decoded yet, in bytes."""
        self._ahead: tuple[bytes, tuple[bytes, int], PatternSearch, int] | None = None
        """What became of the piece that was looked at last."""

    def find(self, piece: bytes, start: int) -> int | None:
        state = self._decoder.getstate()
        search = self._search.copy()
        end = _pushed(search, self._decoder.decode(piece), self._start)
        self._ahead = (piece, self._decoder.getstate(), search, end)
        self._decoder.setstate(state)
        return search.found(end)

    def push(self, piece: bytes, start: int) -> None:
        if self._ahead is None or self._ahead[0] != piece:
            self.find(piece, start)
        assert self._ahead is not None
        _, state, self._search, self._start = self._ahead
        self._decoder.setstate(state)
        self._ahead = None


def _searched(trigger: Trigger) -> _Word | _Expression:
    text = trigger.text
    if trigger.kind is TriggerKind.WORD:
        return _Word(text.encode())
    if trigger.kind is TriggerKind.PATTERN_FULL:
        text = f"{'' if text[:1] == '^' else '^'}{text}{'' if text[-1:] == '$' else '$'}"
    try:
        return _Expression(text)
    except PatternRefused as error:
        raise BadGrammar(f"grammar_triggers: {trigger.text!r}: {error}") from None


def _pushed(search: PatternSearch, text: str, start: int) -> int:
    """Add text that begins at a byte; where it ends."""
    if text.isascii():
        search.push(text, range(start, start + len(text)))
        return start + len(text)
    *places, end = accumulate(map(_n_bytes, text), initial=start)
    search.push(text, places)
    return end


def _n_bytes(character: str) -> int:
    return len(character.encode("utf-8", "surrogateescape"))


def _is_inside(piece: bytes) -> bool:
    """Whether a text begins inside of a character."""
    return bool(piece) and piece[0] & 0xC0 == 0x80
