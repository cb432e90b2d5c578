"""A call that is a JSON object: its name, arguments and id, in whatever order it has them."""

from __future__ import annotations

import json

from server.chat.formats.format import JsonKeys
from server.chat.formats.format import Slot
from server.chat.reading.arguments import json_arguments
from server.chat.reading.reader import Wait
from server.chat.reading.site import CallSite
from server.chat.reading.values import json_value
from server.chat.reading.values import quoted

MAX_KEY_LENGTH = 64
MEANINGLESS = frozenset({"type", "id", "index"})
"""Keys that a call may have besides those of its format."""
ARGUMENTS = frozenset({"arguments", "parameters"})
"""What models call arguments, whatever their format does."""


class ObjectReader:
    """Reads one call."""

    def __init__(self, site: CallSite, keys: JsonKeys) -> None:
        self._site = site
        self._reader = site.reader
        self._keys = keys
        self._name = ""
        self._id = ""
        self._early: list[str] = []
        """Arguments that came before the name."""
        self._has_arguments = False

    def read(self) -> Wait[bool]:
        """The object, from its brace on. False if it isn't a call, or breaks off."""
        return (yield from self._members(is_inner=False))

    def _members(self, *, is_inner: bool) -> Wait[bool]:
        reader = self._reader
        reader.at += 1
        while True:
            yield from reader.skip_space()
            letter = yield from reader.next_letter()
            if letter == "}":
                reader.at += 1
                return True
            if letter == ",":
                reader.at += 1
                continue
            if letter != '"':
                return False
            key = yield from self._key()
            if key is None or not (yield from reader.accept(":")):
                return False
            yield from reader.skip_space()
            if not (yield from self._member(key, is_inner=is_inner)):
                return False

    def _member(self, key: str, *, is_inner: bool) -> Wait[bool]:
        """The value of a key. False if this can't be a call, or breaks off."""
        site, keys = self._site, self._keys
        if not keys.name and not site.has_begun:
            self._name = key
            return key in site.tools and (yield from self._arguments())
        is_arguments = key == keys.arguments or (key in ARGUMENTS and key != keys.parent)
        site.looks_like_call |= is_arguments or key in (keys.name, keys.id)
        if key == keys.name and not self._name:
            return (yield from self._named())
        if is_arguments and not self._has_arguments:
            self._has_arguments = True
            return (yield from self._arguments())
        if key == keys.id and not site.has_begun:
            raw: list[str] = []
            is_whole = yield from json_value(self._reader, raw.append)
            self._id = "".join(raw).strip('"')
            return is_whole
        if keys.parent and key == keys.parent and not is_inner:
            if (yield from self._reader.next_letter()) == "{":
                return (yield from self._members(is_inner=True))
        elif key not in MEANINGLESS:
            return site.has_begun and (yield from self._unknown(key))
        return (yield from json_value(self._reader, lambda text: None))

    def _unknown(self, key: str) -> Wait[bool]:
        """What a call has nothing of that name for is content."""
        self._site.draft.content(f"{quoted(key)}: ")
        return (yield from json_value(self._reader, self._site.draft.content))

    def _arguments(self) -> Wait[bool]:
        if not self._name:
            return (yield from json_arguments(self._reader, self._early.append))
        self._begin()
        return (yield from json_arguments(self._reader, self._site.draft.arguments))

    def _named(self) -> Wait[bool]:
        """The name; the call begins with it unless its id is still to come."""
        self._name = yield from self._name_value()
        if self._name and not self._id_follows():
            self._begin()
        return bool(self._name)

    def _id_follows(self) -> bool:
        """Whether the format has an id between the name and the arguments."""
        slots = [piece for piece in self._site.calls.call.pieces if isinstance(piece, Slot)]
        if Slot.ID not in slots:
            return False
        return slots.index(Slot.NAME) < slots.index(Slot.ID) < slots.index(Slot.ARGUMENTS)

    def _begin(self) -> None:
        if not self._site.has_begun:
            self._site.begin(self._name, self._id)
            for text in self._early:
                self._site.draft.arguments(text)

    def _name_value(self) -> Wait[str]:
        """The name of a known function as a JSON string; "" if there is another value."""
        if (yield from self._reader.next_letter()) != '"':
            return ""
        while True:
            name, quote, _ = self._reader.rest[1:].partition('"')
            if quote:
                if name not in self._site.tools:
                    return ""
                self._reader.at += len(name) + 2
                return name
            if not any(known.startswith(name) for known in self._site.tools):
                return ""
            if not (yield from self._reader.wait()):
                return ""

    def _key(self) -> Wait[str | None]:
        """A key, None if it is too long for one."""
        while True:
            found = self._reader.text[self._reader.at : self._reader.at + MAX_KEY_LENGTH + 2]
            end = found.find('"', 1)
            if end > 0:
                self._reader.at += end + 1
                try:
                    return str(json.loads(found[: end + 1]))
                except ValueError:
                    return None
            if len(found) > MAX_KEY_LENGTH or not (yield from self._reader.wait()):
                return None
