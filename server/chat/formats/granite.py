"""Granite 3.3, whose template describes tools and shows no calls: `<|tool_call|>[{...}, ...]`."""

from __future__ import annotations

from dataclasses import replace

from server.chat.formats.family import Family
from server.chat.formats.format import Call
from server.chat.formats.format import Calls
from server.chat.formats.format import Format
from server.chat.formats.format import JsonKeys
from server.chat.formats.format import Slot

CALL = Call(('{"name": "', Slot.NAME, '", "arguments": ', Slot.ARGUMENTS, "}"), keys=JsonKeys())


def _amend(learnt: Format, source: str) -> Format:
    return replace(learnt, calls=Calls(CALL, start="<|tool_call|>[", separator=", ", end="]"))


FAMILY = Family("Granite 3.3", ("respond only with <|tool_call|>",), _amend)
