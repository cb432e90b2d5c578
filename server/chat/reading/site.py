"""Where a call is being read: the text, the message, and the functions there are."""

from __future__ import annotations

from collections.abc import Mapping

from server.chat.formats.format import Calls
from server.chat.reading.draft import Draft
from server.chat.reading.reader import Reader
from server.chat.tools import Tool


class CallSite:
    """Shared by the readers of a message's calls."""

    def __init__(
        self, reader: Reader, draft: Draft, calls: Calls, tools: Mapping[str, Tool]
    ) -> None:
        self.reader = reader
        self.draft = draft
        self.calls = calls
        self.tools = tools
        self.has_begun = False
        """Whether the call at hand is one: before that, its text may still be prose."""
        self.looks_like_call = False
        """Whether it has no name yet, but what comes before one."""

    def begin(self, name: str, call_id: str) -> None:
        """It is a call. Nobody goes back before this."""
        self.draft.begin_call(name, call_id)
        self.has_begun = True
        self.reader.release_all()
