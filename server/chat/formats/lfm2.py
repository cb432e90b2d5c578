"""LFM2: calls as in Python, `<|tool_call_start|>[f(a=1), g()]<|tool_call_end|>`.

Answers to llama.cpp `common/parsers/lfm2.cpp`; thoughts are told apart for all of them here.
"""

from __future__ import annotations

from server.chat.formats.family import Family
from server.chat.formats.family import Message
from server.chat.formats.format import Call
from server.chat.formats.format import Calls
from server.chat.formats.format import Format
from server.chat.formats.format import KeywordArguments
from server.chat.formats.format import Reasoning
from server.chat.formats.format import Slot

CALLS = Calls(
    Call((Slot.NAME, "(", Slot.ARGUMENTS, ")"), KeywordArguments()),
    start="<|tool_call_start|>[",
    separator=", ",
    end="]<|tool_call_end|>",
)


def _amend(learnt: Format, source: str) -> Format:
    return Format(Reasoning("<think>", "</think>"), calls=CALLS)


def _adapt(messages: list[Message]) -> list[Message]:
    """Thoughts are called `thinking`."""
    return [
        message | {"thinking": message["reasoning_content"]}
        if "reasoning_content" in message
        else message
        for message in messages
    ]


LFM2 = Family("LFM2", ("<|tool_list_start|>", "<|tool_list_end|>"), _amend, adapt=_adapt)
LFM2_5 = Family(
    "LFM2.5", ("List of tools: [",), _amend, lacks=("<|tool_list_start|>",), adapt=_adapt
)
