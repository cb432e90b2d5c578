"""A call that is no JSON object: fixed texts, and between them name, id and arguments."""

from __future__ import annotations

from server.chat.formats.format import BracedArguments
from server.chat.formats.format import ElementArguments
from server.chat.formats.format import JsonArguments
from server.chat.formats.format import KeywordArguments
from server.chat.formats.format import Slot
from server.chat.formats.format import TaggedArguments
from server.chat.reading.arguments import json_arguments
from server.chat.reading.arguments import keyword_arguments
from server.chat.reading.braced import braced_arguments
from server.chat.reading.elements import ElementReader
from server.chat.reading.reader import Wait
from server.chat.reading.reader import chunks_of
from server.chat.reading.site import CallSite
from server.chat.reading.tagged import TaggedReader

MAX_SPACE = 64
"""White space between a name and what follows it."""
MAX_WORD = 256
"""A call's id, or its number."""


class PieceReader:
    """Reads one call. name: if it is known already."""

    def __init__(self, site: CallSite, name: str = "") -> None:
        self._site = site
        self._reader = site.reader
        self._call = site.calls.call
        self._name = name
        self._id = ""

    def read(self, start: int = 0) -> Wait[None]:
        """The pieces from the start-th on, as far as they are there."""
        id_from, id_to = self._call.id_span or (-1, -1)
        id_start = 0
        for i, piece in enumerate(self._call.pieces[start:], start):
            if i == id_from:
                yield from self._reader.skip_space()
                id_start = self._reader.at
            if i == id_to:
                self._id = self._reader.text[id_start : self._reader.at]
            if not (yield from self._piece(i, piece)):
                return

    def _piece(self, i: int, piece: str | Slot) -> Wait[bool]:
        match piece:
            case str():
                return (yield from self._fixed(i, piece))
            case Slot.NAME:
                self._name = yield from self._known_name(i)
                return bool(self._name)
            case Slot.ARGUMENTS:
                return (yield from self._arguments(i))
        word = yield from self._word(i)
        if piece is Slot.ID:
            self._id = word
            return bool(word)
        return word.isdigit()

    def _fixed(self, i: int, text: str) -> Wait[bool]:
        """A fixed text; the last of a call may break off, and the first be written otherwise."""
        if self._site.has_begun:
            return (yield from self._reader.accept_end(text))
        if (yield from self._reader.accept(text)):
            self._site.looks_like_call = True
            return True
        for start in self._site.calls.other_starts if i == 0 else ():
            if text.endswith(start) and (yield from self._reader.accept(start)):
                return True
        return False

    def _word(self, i: int) -> Wait[str]:
        """What stands before the next fixed text."""
        following = self._call.pieces[i + 1]
        assert isinstance(following, str)
        marker = chunks_of(following)[0]
        while True:
            word, found, _ = self._reader.rest.partition(marker)
            limit = MAX_WORD if found else MAX_WORD + len(marker)
            if "{" in word or len(word) > limit:
                # arguments have begun, or something that is no call
                return ""
            if found:
                self._reader.at += len(word)
                return word.strip()
            if not (yield from self._reader.wait()):
                return ""

    def _known_name(self, i: int) -> Wait[str]:
        """The name of a known function, "" if there is another text."""
        followers = self._followers(i)
        names = sorted(self._site.tools, key=len, reverse=True)
        limit = max(map(len, names), default=0) + MAX_SPACE
        while True:
            rest = self._reader.rest.lstrip()
            may_come, broken_off = False, ""
            for name in names:
                after = rest.removeprefix(name).lstrip() if rest.startswith(name) else None
                if after is not None and after.startswith(followers):
                    self._reader.at = len(self._reader.text) - len(rest) + len(name)
                    return name
                if after is not None and any(text.startswith(after) for text in followers):
                    may_come = True
                    # what comes after it has begun
                    broken_off = broken_off or (name if len(rest) > len(name) else "")
                may_come |= name.startswith(rest)
            if not may_come or len(rest) > limit:
                return ""
            if not (yield from self._reader.wait()):
                self._reader.at = len(self._reader.text) - len(rest) + len(broken_off)
                return broken_off

    def _followers(self, i: int) -> tuple[str, ...]:
        """What may come after the name."""
        followers: list[str] = []
        for piece in self._call.pieces[i + 1 :]:
            if isinstance(piece, str) and piece.strip():
                followers.append(chunks_of(piece)[0])
                break
            if piece is Slot.ARGUMENTS:
                if not isinstance(self._call.arguments, TaggedArguments):
                    followers.append("{")
                    break
                followers.append(chunks_of(self._call.arguments.start)[0])
        return tuple(followers)

    def _arguments(self, i: int) -> Wait[bool]:
        """The arguments, with which the call begins. False if there are none, or not all."""
        reader, form = self._reader, self._call.arguments
        if isinstance(form, (JsonArguments, BracedArguments)):
            yield from reader.skip_space()
            letter = yield from reader.next_letter()
            if letter not in ("{", ""):
                return False
        self._site.begin(self._name, self._id)
        emit, spare = self._site.draft.arguments, self._site.draft.content
        schema = self._site.tools[self._name].schema
        following = [text for text in self._call.pieces[i + 1 :] if isinstance(text, str)]
        closer = next((chunks_of(text)[0] for text in following if text.strip()), "")
        match form:
            case JsonArguments():
                return (yield from json_arguments(reader, emit))
            case TaggedArguments():
                return (yield from TaggedReader(form, closer, spare).read(reader, schema, emit))
            case KeywordArguments():
                return (yield from keyword_arguments(reader, closer, emit, spare))
            case BracedArguments():
                return (yield from braced_arguments(reader, form.quote, emit, spare))
            case ElementArguments():
                return (yield from ElementReader(form).read(reader, schema, emit))
