"""Text that a model writes -> the message, bit by bit as it arrives.

One parser for all families; what a family writes is a `Format`. It never looks at the whole text
again, and it never fails: what it can't make sense of is content. However the text is cut into
pieces, the deltas add up to the same message. Answers to common_chat_peg_parse in llama.cpp
`common/chat.cpp`, but for its errors.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass

from server.chat.delta import Delta
from server.chat.delta import ParsedMessage
from server.chat.formats.format import Format
from server.chat.reading.calls import CallReader
from server.chat.reading.channels import ChannelReader
from server.chat.reading.document import FENCE
from server.chat.reading.document import document
from server.chat.reading.draft import Draft
from server.chat.reading.reader import TAG_BEGUN
from server.chat.reading.reader import Markers
from server.chat.reading.reader import Reader
from server.chat.reading.reader import Wait
from server.chat.tools import Tool


@dataclass(frozen=True, slots=True)
class Reading:
    """How an answer is to be read."""

    format: Format
    tools: Sequence[Tool] = ()
    """Those that may be called; none: text that looks like a call is content."""
    opening: str = ""
    """The end of the prompt, with which the assistant's turn begins."""
    prefill: str = ""
    """The beginning of the message's content, which the prompt has after that."""
    extracts_reasoning: bool = True
    is_json: bool = False
    """Whether the content is a JSON document, which models like to put into a fence."""
    repeats_reasoning: bool = False
    """Whether reasoning is content as well, with its tags."""

    @property
    def is_plain(self) -> bool:
        """Whether all that comes is content, letter for letter."""
        fmt = self.format
        has_parts = fmt.reasoning or fmt.content or fmt.channels or fmt.noise
        return not (has_parts or self.tools or self.is_json)


class MessageParser:
    """One answer that is being generated.

    new_id: makes ids for the calls to which the model gives none.
    """

    def __init__(self, reading: Reading, new_id: Callable[[], str]) -> None:
        self._reader = Reader()
        fmt = reading.format
        keeps_space = not (fmt.reasoning or reading.tools or reading.is_json)
        self._draft = Draft(new_id, keeps_space=keeps_space)
        self._run = _TurnReader(reading, self._reader, self._draft).read()
        self._is_done = False
        self._step("")
        # what the prompt has given is read by now
        self._is_plain = reading.is_plain and self._draft.is_begun

    @property
    def message(self) -> ParsedMessage:
        """The message so far."""
        return self._draft.message

    def push(self, text: str) -> list[Delta]:
        """The deltas that more text brings."""
        if self._is_plain:
            self._draft.content(text)
        else:
            self._step(text)
        return self._draft.drain()

    def finish(self) -> list[Delta]:
        """The deltas of what was held back; no text follows."""
        self._reader.is_closed = True
        self._step("")
        return self._draft.drain()

    def _step(self, text: str) -> None:
        if text:
            self._reader.feed(text)
        if not self._is_done:
            try:
                next(self._run)
            except StopIteration:
                self._is_done = True


class _TurnReader:
    """The order of things in a turn: reasoning, then content and calls."""

    def __init__(self, reading: Reading, reader: Reader, draft: Draft) -> None:
        self._reading = reading
        self._format = reading.format
        self._reader = reader
        self._draft = draft
        self._calls: CallReader | None = None
        if self._format.calls and reading.tools:
            tools = {tool.name: tool for tool in reading.tools}
            self._calls = CallReader(reader, draft, self._format.calls, tools)

    def read(self) -> Wait[None]:
        """A whole turn."""
        opening = self._opening()
        self._reader.feed(opening + self._reading.prefill)
        is_markup = bool(self._format.opening) and opening.startswith(self._format.opening)
        self._reader.n_given = len(opening) if is_markup else 0
        if self._format.channels:
            yield from ChannelReader(
                self._format.channels,
                self._reader,
                self._draft,
                self._calls,
                extracts_reasoning=self._reading.extracts_reasoning,
                is_json=self._reading.is_json,
            ).read()
            return
        yield from self._reasoning()
        if self._reading.is_json and not self._format.content:
            yield from self._document()
        while (yield from self._content()):
            pass

    def _document(self) -> Wait[None]:
        """A document, in a fence or without one, unless calls come first."""
        starts = self._calls.markers() if self._calls else ()
        found = yield from self._reader.sees(FENCE, *starts)
        if found is not None and found != FENCE:
            yield from self._reader.skip_space()
            marker = found.strip()
            if self._reader.text.startswith(marker, self._reader.at):
                self._reader.at += len(marker)
                yield from self._call(marker)
                return
        # nothing in a document is a call
        self._calls = None
        yield from self._reader.skip_space()
        yield from document(self._reader, self._draft.content)

    def _opening(self) -> str:
        """As much of the prompt's end as belongs to the message."""
        fmt, text = self._format, self._reading.opening
        starts = [fmt.opening, fmt.reasoning.start.strip() if fmt.reasoning else ""]
        starts.append(fmt.content.start.strip() if fmt.content else "")
        places = [text.find(start) for start in starts if start and start in text]
        return self._without_space(text[min(places) :]) if places else ""

    def _without_space(self, opening: str) -> str:
        """An opening that begins thoughts, without white space that is no part of their tag."""
        if not self._reading.extracts_reasoning:
            return opening
        start = self._format.reasoning.start if self._format.reasoning else ""
        before, tag, space = opening.rpartition(start.strip() or opening)
        return before + start if tag == start.strip() and space.isspace() else opening

    def _reasoning(self) -> Wait[None]:
        fmt = self._format.reasoning
        if fmt is None or not self._reading.extracts_reasoning:
            return
        if fmt.start and not (yield from self._reader.accept(fmt.start)):
            # thoughts that were not begun may be ended all the same
            if (yield from self._reader.accept(fmt.end)):
                self._draft.end_reasoning()
            return
        start = fmt.start
        yield from self._reader.skip_some(start[len(start.rstrip()) :])
        ends = [fmt.end.strip()]
        calls = self._calls.markers() if self._calls and fmt.ends_at_call else ()
        content = self._format.content
        if content and fmt.ends_at_content:
            ends.append(content.start)
        emit = self._draft.reasoning
        if self._reading.repeats_reasoning:
            self._draft.content(fmt.start)
            emit = self._thought
        found = yield from self._reader.until(Markers([*ends, *calls]), emit, n_dropped=TAG_BEGUN)
        if self._reading.repeats_reasoning and found == ends[0]:
            self._draft.content(fmt.end)
        self._draft.end_reasoning()
        if found == ends[0]:
            yield from self._reader.skip_some(fmt.end[len(fmt.end.rstrip()) :])
        else:
            self._reader.at -= len(found)

    def _thought(self, text: str) -> None:
        """Reasoning that is content, too."""
        self._draft.reasoning(text)
        self._draft.content(text)

    def _content(self) -> Wait[bool]:
        """Content up to a marker, and what that begins. False at the end of the text."""
        wrapper = self._format.content
        starts = self._calls.markers() if self._calls else ()
        again = self._format.reasoning if self._reading.extracts_reasoning else None
        noise = self._noise()
        thoughts = again.start.strip() if again and again.repeats else ""
        markers = Markers([*starts, *noise, thoughts, wrapper.start if wrapper else ""])
        found = yield from self._reader.until(markers, self._spoken)
        if not found:
            return False
        if wrapper and found == wrapper.start:
            if self._reading.is_json:
                yield from document(self._reader, self._draft.content)
            if wrapper.end:
                ends = Markers([wrapper.end, *noise])
                yield from self._reader.until(ends, self._draft.content, n_dropped=TAG_BEGUN)
        elif found == thoughts:
            self._reader.at -= len(found)
            yield from self._reasoning()
        elif found not in noise:
            yield from self._call(found)
        return True

    def _noise(self) -> list[str]:
        """What means nothing in content; where that has thoughts, their tags mean something."""
        noise = list(self._format.noise)
        if self._calls and self._format.calls:
            # there may be content between calls and it
            noise.append(self._format.calls.turn_end)
        fmt = self._format.reasoning
        if fmt is None or self._reading.extracts_reasoning:
            return noise
        return [text for text in noise if text != fmt.end.strip()]

    def _call(self, marker: str) -> Wait[None]:
        """Calls from a marker on, or the marker as text."""
        assert self._calls
        self._reader.at -= len(marker)
        place = self._reader.hold()
        is_call = yield from self._calls.read()
        if not is_call and self._calls.breaks_off(marker):
            self._reader.at = len(self._reader.text)
        elif not is_call:
            self._reader.at = place + len(marker)
            self._draft.content(marker[max(0, self._reader.n_given - place) :])
        self._reader.release()

    def _spoken(self, text: str) -> None:
        """Content, but for what the prompt has of it."""
        self._draft.content(text[max(0, self._reader.n_given - self._reader.at) :])
