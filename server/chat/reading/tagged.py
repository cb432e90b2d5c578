"""Arguments in tags: `<parameter=city>Paris</parameter>` and the like.

A string stands there as it is, any other value as JSON (or as Python prints it); which of them a
text is, the parameter's schema says, or the tag does.
"""

from __future__ import annotations

from functools import reduce

from server.chat.formats.format import CDATA
from server.chat.formats.format import CDATA_END
from server.chat.formats.format import TaggedArguments
from server.chat.formats.texts import common_end
from server.chat.formats.texts import common_start
from server.chat.reading.reader import Markers
from server.chat.reading.reader import Reader
from server.chat.reading.reader import Wait
from server.chat.reading.reader import chunks_of
from server.chat.reading.values import OPENS
from server.chat.reading.values import Emit
from server.chat.reading.values import ends_of
from server.chat.reading.values import is_begun_name
from server.chat.reading.values import json_value
from server.chat.reading.values import literal_value
from server.chat.reading.values import quoted
from server.chat.reading.values import string_value
from server.chat.reading.values import text_as_json
from server.chat.tools import ANY_TYPE
from server.chat.tools import Schema

STRING = frozenset({"string"})
BRACKETS = {"[": "array", "{": "object"}
FIRST_LETTERS = {
    "object": "{",
    "array": "[",
    "number": "-0123456789",
    "integer": "-0123456789",
    "boolean": "tfTF",
    "null": "nN",
}
"""How values begin that are no strings."""


class TaggedReader:
    """Reads the arguments of a call.

    closer: what comes after all of them. spare: takes what is no argument.
    """

    def __init__(self, form: TaggedArguments, closer: str, spare: Emit) -> None:
        self._form = form
        self._closers = (closer,) if closer else ()
        self._spare = spare
        self._ends = ends_of(form.end)
        self._middle_start, self._middle_end = _edges(list(form.middles.values()))
        self._name_end = chunks_of(self._middle_start)[0]

    def read(self, reader: Reader, schema: Schema, emit: Emit) -> Wait[bool]:
        """All arguments."""
        start, comma = self._form.start, ""
        while True:
            found = yield from reader.sees(start, *self._closers)
            if found != start:
                break
            yield from reader.accept(start)
            name: list[str] = []
            end = Markers([self._name_end])
            if not (yield from reader.until(end, name.append, n_dropped=1)):
                if not is_begun_name("".join(name)):
                    self._spare("".join(name))
                return False
            key = "".join(name).strip()
            member = schema.member(key)
            is_string = yield from self._middle(reader)
            if reader.ran_out and self._middle_end:
                return False
            emit(f"{comma}{quoted(key)}:")
            comma = ","
            if not (yield from self._value(reader, member, emit, is_string=is_string)):
                return False
        if found is None and reader.ran_out:
            return False
        emit("}")
        return True

    def _middle(self, reader: Reader) -> Wait[bool]:
        """The rest of what stands between name and value; whether it says "string"."""
        middle = self._form.middle
        is_string = False
        if self._middle_end:
            attribute: list[str] = []
            yield from reader.until(Markers([self._middle_end]), attribute.append)
            is_string = self._name_end + "".join(attribute) + self._middle_end == middle
        elif rest := middle.strip().removeprefix(self._name_end):
            yield from reader.accept_end(rest)
        yield from reader.skip_some(middle[len(middle.rstrip()) :])
        return is_string

    def _value(self, reader: Reader, schema: Schema, emit: Emit, *, is_string: bool) -> Wait[bool]:
        types = schema.types
        if is_string and (types is None or "string" in types):
            types = STRING
        elif self._form.tells_types and not is_string:
            types = (types or ANY_TYPE) - STRING or types
        if self._form.has_cdata and (yield from reader.accept_here(CDATA)):
            is_whole = yield from string_value(reader, Markers([CDATA_END]), emit)
            yield from reader.accept_end(self._form.end)
            return is_whole
        if types == STRING:
            return (yield from string_value(reader, self._ends, emit))
        letter = yield from reader.first_letter()
        if types is None or "string" in types:
            others = types or ANY_TYPE
            if letter not in "".join(FIRST_LETTERS.get(name, "") for name in others):
                return (yield from string_value(reader, self._ends, emit))
            kind = BRACKETS.get(letter)
            # where a text may be anything, the first end ends it
            is_loose = schema.is_free("string") and schema.is_free(kind or "")
            if kind and not is_loose and (yield from self._document(reader, types, emit)):
                return True
        elif letter in OPENS:
            yield from reader.skip_space()
            is_whole = yield from literal_value(reader, emit)
            return is_whole and bool((yield from reader.until(self._ends, _drop)))
        return (yield from value_until(reader, self._ends, types, emit))

    def _document(self, reader: Reader, types: frozenset[str] | None, emit: Emit) -> Wait[bool]:
        """A whole JSON value of one of the types with its end; else nothing is read."""
        place, ran_out = reader.hold(), reader.ran_out
        pieces: list[str] = []
        yield from reader.skip_space()
        is_read = yield from json_value(reader, pieces.append)
        text = "".join(pieces)
        is_read = is_read and text_as_json(text, types) == text
        is_read = is_read and (yield from reader.accept(self._form.end))
        if is_read:
            emit(text)
        else:
            reader.at, reader.ran_out = place, ran_out
        reader.release()
        return is_read


def value_until(
    reader: Reader, ends: Markers, types: frozenset[str] | None, emit: Emit
) -> Wait[bool]:
    """A value of which all must be known to tell what it is, up to one of the ends."""
    text: list[str] = []
    is_whole = yield from reader.until(ends, text.append, n_dropped=1)
    shown = text_as_json("".join(text), types)
    emit(shown if is_whole or not shown.endswith('"') else shown[:-1])
    return bool(is_whole)


def _edges(middles: list[str]) -> tuple[str, str]:
    """What texts begin with, and what they end with if they differ; words whole."""
    if len(middles) == 1:
        return middles[0], ""
    end = reduce(common_end, middles)
    return reduce(common_start, middles), end.lstrip("abcdefghijklmnopqrstuvwxyz")


def _drop(text: str) -> None:
    """White space, if all is well."""
