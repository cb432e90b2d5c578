"""Functionary 3.2: `>>>all` and a line break before content, `>>>name` before a call.

Answers to llama.cpp `common/parsers/functionary-v3-2.cpp`.
"""

from __future__ import annotations

from server.chat.formats.family import Family
from server.chat.formats.format import Call
from server.chat.formats.format import Calls
from server.chat.formats.format import Format
from server.chat.formats.format import Slot
from server.chat.formats.format import Wrapper

CALL = Call((">>>", Slot.NAME, "\n", Slot.ARGUMENTS))


def _amend(learnt: Format, source: str) -> Format:
    return Format(
        content=Wrapper(">>>all\n"),
        calls=Calls(CALL, other_starts=("",)),
        before_content="all\n",
        opening=">>>",
    )


FAMILY = Family("Functionary 3.2", (">>>all", ">>>${recipient}"), _amend)
