"""Tool calls in a text: a section of them.

A call is one as soon as the name of a known function was read where a format has it; until then
the text may still turn out to be prose, and whoever tried goes back.
"""

from __future__ import annotations

from collections.abc import Mapping

from server.chat.formats.format import Calls
from server.chat.formats.format import Slot
from server.chat.formats.texts import TAG
from server.chat.reading.draft import Draft
from server.chat.reading.objects import ObjectReader
from server.chat.reading.pieces import PieceReader
from server.chat.reading.reader import Reader
from server.chat.reading.reader import Wait
from server.chat.reading.reader import chunks_of
from server.chat.reading.site import CallSite
from server.chat.tools import Tool


class CallReader:
    """Reads the calls of one message."""

    def __init__(
        self, reader: Reader, draft: Draft, calls: Calls, tools: Mapping[str, Tool]
    ) -> None:
        self._site = CallSite(reader, draft, calls, tools)
        self._reader = reader
        self._calls = calls
        self._call = calls.call
        self._first = _first_text(calls)

    def markers(self) -> tuple[str, ...]:
        """Texts with which calls begin; with the space that belongs to them, or less."""
        start = self._calls.start if self._calls.start.strip() else self._first
        starts = [start, *filter(None, self._calls.other_starts)]
        if start != self._first and is_marker(self._first):
            starts.append(self._first)
        markers: list[str] = []
        for start in starts:
            space = start[: len(start) - len(start.lstrip())]
            first = chunks_of(start)[0]
            tag = TAG.match(first)
            markers += [space[i:] + (tag[0] if tag else first) for i in range(len(space) + 1)]
        return tuple(markers)

    def read(self) -> Wait[bool]:
        """Calls, from where the first begins. False if there is none."""
        site, reader = self._site, self._reader
        yield from reader.accept(self._calls.start)
        for start in self._calls.other_starts if self._call.keys else ():
            yield from reader.accept(start)
        n_calls, goes_on = 0, True
        while goes_on:
            place = reader.hold()
            site.has_begun = site.looks_like_call = False
            yield from self._one()
            if not site.has_begun:
                reader.at = place
                reader.release()
                break
            n_calls += 1
            goes_on = yield from self._goes_on()
        if n_calls:
            yield from reader.accept_end(self._calls.end)
            yield from reader.accept_end(self._calls.turn_end)
            if reader.ran_out:
                # the text breaks off within a call
                reader.at = len(reader.text)
        return n_calls > 0

    def breaks_off(self, marker: str) -> bool:
        """Whether the text, of which no call could be read, ends within one that has no name yet.

        marker: what it begins with.
        """
        is_begun = self._site.looks_like_call or is_marker(marker)
        return self._reader.ran_out and is_begun

    def read_body(self, name: str) -> Wait[bool]:
        """A call in a message that is known to be one; name: as the message's header says."""
        site, is_named = self._site, self._call.pieces[0] is Slot.NAME
        if is_named and name not in site.tools:
            return False
        place = self._reader.hold()
        site.has_begun = False
        yield from PieceReader(site, name).read(int(is_named))
        if not site.has_begun:
            self._reader.at = place
            self._reader.release()
        elif self._reader.ran_out:
            # the text breaks off within the call
            self._reader.at = len(self._reader.text)
        return site.has_begun

    def _one(self) -> Wait[None]:
        """One call, if there is one."""
        if self._call.keys is None:
            yield from PieceReader(self._site).read()
            return
        yield from self._reader.accept(self._call.before)
        yield from self._reader.skip_space()
        if (yield from self._reader.next_letter()) != "{":
            return
        yield from ObjectReader(self._site, self._call.keys).read()
        if self._site.has_begun:
            yield from self._reader.accept_end(self._call.after)

    def _goes_on(self) -> Wait[bool]:
        """Whether another call follows in this section."""
        end, separator = self._calls.end, self._calls.separator.strip()
        if not end and not separator:
            return "" in self._calls.other_starts
        found = yield from self._reader.sees(*filter(None, (end, separator, self._first)))
        if found == separator and separator:
            yield from self._reader.accept(separator)
        return found is not None and found != end


def _first_text(calls: Calls) -> str:
    """What a single call begins with."""
    if calls.call.keys is not None:
        return calls.call.before.strip() or "{"
    first = calls.call.pieces[0]
    return first.strip() if isinstance(first, str) else ""


def is_marker(text: str) -> bool:
    """Whether a text is unlikely to stand in prose: it has a whole tag."""
    return TAG.search(text) is not None
