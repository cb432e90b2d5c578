"""Arguments as XML elements of their own names, `<city>Paris</city>`, each tag with a mark.

Objects and arrays are elements within elements. Which of them there is, the schema says, or the
text does where there is no schema.
"""

from __future__ import annotations

from server.chat.formats.format import ElementArguments
from server.chat.reading.reader import Markers
from server.chat.reading.reader import Reader
from server.chat.reading.reader import Wait
from server.chat.reading.tagged import STRING
from server.chat.reading.tagged import value_until
from server.chat.reading.values import Emit
from server.chat.reading.values import quoted
from server.chat.reading.values import string_value
from server.chat.tools import Schema

MAX_DEPTH = 64
TAG_END = Markers([">"])
ARRAY, OBJECT = frozenset({"array"}), frozenset({"object"})


class ElementReader:
    """Reads the arguments of a call."""

    def __init__(self, form: ElementArguments) -> None:
        self._open, self._close = f"{form.mark}<", f"{form.mark}</"
        self._item = f"{form.mark}<{form.item}>"

    def read(self, reader: Reader, schema: Schema, emit: Emit, depth: int = 0) -> Wait[bool]:
        """The members of an object that was begun."""
        comma = ""
        while (yield from self._sees_element(reader)):
            name = yield from self._tag(reader)
            if not name:
                return False
            emit(f"{comma}{quoted(name)}:")
            comma = ","
            if not (yield from self._value(reader, schema.member(name), name, emit, depth)):
                return False
        if reader.ran_out:
            return False
        emit("}")
        return True

    def _sees_element(self, reader: Reader) -> Wait[bool]:
        return (yield from reader.sees(self._close, self._open)) == self._open

    def _sees_items(self, reader: Reader, types: frozenset[str] | None) -> Wait[bool]:
        """Whether elements are those of an array, as far as the schema leaves it open."""
        if types is not None and not types >= ARRAY | OBJECT:
            return "array" in types
        return (yield from reader.sees(self._item)) is not None

    def _tag(self, reader: Reader) -> Wait[str]:
        yield from reader.accept(self._open)
        name: list[str] = []
        found = yield from reader.until(TAG_END, name.append)
        return "".join(name) if found else ""

    def _value(
        self, reader: Reader, schema: Schema, name: str, emit: Emit, depth: int
    ) -> Wait[bool]:
        types = schema.types
        end = f"{self._close}{name}>"
        if depth < MAX_DEPTH and (types is None or "string" not in types):
            has_elements = yield from self._sees_element(reader)
            if types == ARRAY or (has_elements and (yield from self._sees_items(reader, types))):
                return (yield from self._array(reader, schema.items, end, emit, depth + 1))
            if has_elements or types == OBJECT:
                emit("{")
                is_whole = yield from self.read(reader, schema, emit, depth + 1)
                return is_whole and (yield from reader.accept_end(end))
            if types is not None and (yield from reader.accept(end)):
                emit("[]" if "array" in types else "{}" if "object" in types else quoted(""))
                return True
        if types == STRING:
            return (yield from string_value(reader, Markers([end]), emit))
        return (yield from value_until(reader, Markers([end]), types, emit))

    def _array(self, reader: Reader, items: Schema, end: str, emit: Emit, depth: int) -> Wait[bool]:
        comma = ""
        emit("[")
        while (yield from self._sees_element(reader)):
            name = yield from self._tag(reader)
            if not name:
                return False
            emit(comma)
            comma = ","
            if not (yield from self._value(reader, items, name, emit, depth)):
                return False
        if reader.ran_out:
            return False
        emit("]")
        return (yield from reader.accept_end(end))
