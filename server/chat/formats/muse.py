"""Muse Glimmer: messages to recipients, `to=self` thoughts, `to=user` content, others calls.

Answers to llama.cpp `common/parsers/muse-glimmer.cpp`.
"""

from __future__ import annotations

from server.chat.formats.family import Family
from server.chat.formats.format import Call
from server.chat.formats.format import Calls
from server.chat.formats.format import Channels
from server.chat.formats.format import Format
from server.chat.formats.format import Reasoning
from server.chat.formats.format import Slot
from server.chat.formats.format import TaggedArguments

START, MIDDLE = "<|start|>assistant", "<|message|>"
CALL = Call(
    (
        '<atem:function_calls>\n<atem:invoke name="',
        Slot.NAME,
        '">\n',
        Slot.ARGUMENTS,
        "</atem:invoke>\n</atem:function_calls>",
    ),
    TaggedArguments('<atem:parameter name="', {"": '">'}, "</atem:parameter>\n"),
)


def _amend(learnt: Format, source: str) -> Format:
    return Format(
        reasoning=Reasoning(f" to=self{MIDDLE}", "<|eom|>"),
        calls=Calls(CALL),
        channels=Channels(
            start=START,
            middle=MIDDLE,
            ends=("<|eom|>", "<|eot|>"),
            reasoning=r"to=self\b",
            call=r"to=(?!user\b|self\b)(\S+)",
            written_reasoning=" to=self",
            headers=(" to=",),
            recipient=" to={name}",
            written_calls=(" to={name}",),
        ),
        before_content=f"{START} to=user{MIDDLE}",
        opening=START,
    )


FAMILY = Family("Muse Glimmer", ("<atem:function_calls>", "<|eom|>"), _amend)
