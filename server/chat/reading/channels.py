"""Turns made of messages with headers: each says to whom it is, then comes its body."""

from __future__ import annotations

import re

from server.chat.formats.format import Channels
from server.chat.reading.calls import CallReader
from server.chat.reading.document import document
from server.chat.reading.draft import Draft
from server.chat.reading.reader import TAG_BEGUN
from server.chat.reading.reader import Markers
from server.chat.reading.reader import Reader
from server.chat.reading.reader import Wait

_HEADER = re.compile(r"[\w .=:<|>/-]{0,128}\Z")
"""What a header that breaks off is made of."""


class ChannelReader:
    """Reads a turn; bodies of calls are read by `calls`, None where none may be called."""

    def __init__(
        self,
        channels: Channels,
        reader: Reader,
        draft: Draft,
        calls: CallReader | None,
        *,
        extracts_reasoning: bool,
        is_json: bool = False,
    ) -> None:
        self._channels = channels
        self._reader = reader
        self._draft = draft
        self._calls = calls
        self._extracts_reasoning = extracts_reasoning
        self._is_json = is_json
        self._ends = Markers(channels.ends)

    def read(self) -> Wait[None]:
        """A whole turn."""
        reader = self._reader
        middle = Markers([self._channels.middle, *self._channels.ends])
        while not reader.is_done:
            n_given = max(0, reader.n_given - reader.at)
            pieces: list[str] = []
            found = yield from reader.until(middle, pieces.append)
            text = "".join(pieces)
            if found != self._channels.middle:
                # no message, or one without a header
                spoken = text[n_given:].removeprefix(self._channels.start)
                if found or not self._is_header(spoken):
                    self._draft.content(spoken)
                if not found:
                    return
                continue
            header = text.partition(self._channels.start)[2] or text
            spoken = self._without_stray(text[:n_given], text[n_given:])
            yield from self._message(header, spoken)

    def _without_stray(self, given: str, text: str) -> str:
        """What the model wrote of a header; what it said before that is content."""
        before, start, header = text.partition(self._channels.start)
        if not start:
            before, header = "", text
        begins = [text.strip() for text in self._channels.headers]
        places = [header.find(text) for text in begins if text in header]
        if given.partition(self._channels.start)[2].strip():
            # the header was begun by the prompt
            places.append(0)
        place = min(places, default=len(header))
        stray = before + header[:place]
        if not stray.strip():
            return header
        self._draft.content(stray)
        return header[place:]

    def _is_header(self, text: str) -> bool:
        """Whether a text that breaks off is the beginning of a message's header."""
        begins = len(text) >= TAG_BEGUN and self._channels.start.startswith(text)
        is_header = text.startswith(self._channels.headers) and _HEADER.match(text)
        return begins or bool(is_header)

    def _message(self, header: str, spoken: str) -> Wait[None]:
        """The body of a message. spoken: what the model wrote of the header."""
        reader, draft, channels = self._reader, self._draft, self._channels
        call = re.search(channels.call, header)
        if call and self._calls is not None and (yield from self._calls.read_body(call[1])):
            yield from self._after_call()
            return
        if call and self._calls is not None and reader.ran_out:
            # the text breaks off before the call has a name
            reader.at = len(reader.text)
            return
        if call:
            draft.content(spoken + channels.middle)
        if re.search(channels.reasoning, header) and not call:
            if self._extracts_reasoning:
                yield from reader.until(self._ends, draft.reasoning, n_dropped=TAG_BEGUN)
                draft.end_reasoning()
                return
            draft.content(spoken + channels.middle)
            end = yield from reader.until(self._ends, draft.content)
            draft.content(end)
            return
        if self._is_json and not call:
            yield from document(reader, draft.content)
        yield from reader.until(self._ends, draft.content, n_dropped=TAG_BEGUN)

    def _after_call(self) -> Wait[None]:
        """The end of a call's message."""
        found = yield from self._reader.sees(*self._channels.ends, self._channels.start)
        if found in self._channels.ends:
            yield from self._reader.accept(found)
