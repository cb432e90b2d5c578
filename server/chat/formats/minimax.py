"""MiniMax M3: calls in XML, each tag marked, arguments as elements of their own names.

Answers to llama.cpp `common/parsers/minimax-m3.cpp`.
"""

from __future__ import annotations

from server.chat.formats.family import Family
from server.chat.formats.format import Call
from server.chat.formats.format import Calls
from server.chat.formats.format import ElementArguments
from server.chat.formats.format import Format
from server.chat.formats.format import Reasoning
from server.chat.formats.format import Slot

MARK = "]<]minimax[>["
CALL = Call(
    (f'{MARK}<invoke name="', Slot.NAME, '">', Slot.ARGUMENTS, f"{MARK}</invoke>\n"),
    ElementArguments(MARK),
)


def _amend(learnt: Format, source: str) -> Format:
    return Format(
        reasoning=Reasoning("<mm:think>", "</mm:think>"),
        calls=Calls(CALL, start=f"{MARK}<tool_call>\n", end=f"{MARK}</tool_call>"),
    )


M3 = Family("MiniMax M3", (MARK, "<invoke name="), _amend)
