"""Kimi K2, whose ids are `functions.name:0`, and Kimi K3 with sections in `<|open|>...<|close|>`.

Answers to llama.cpp `common/parsers/kimi-k2.cpp` and `kimi-k3.cpp`.
"""

from __future__ import annotations

from server.chat.formats.family import Family
from server.chat.formats.format import Call
from server.chat.formats.format import Calls
from server.chat.formats.format import Format
from server.chat.formats.format import Reasoning
from server.chat.formats.format import Slot
from server.chat.formats.format import TaggedArguments
from server.chat.formats.format import Wrapper

K2_CALL = Call(
    (
        "<|tool_call_begin|>",
        "functions.",
        Slot.NAME,
        ":",
        Slot.NUMBER,
        "<|tool_call_argument_begin|>",
        Slot.ARGUMENTS,
        "<|tool_call_end|>",
    ),
    id_span=(1, 5),
)
K3_TYPES = ("string", "number", "boolean", "null", "object", "array")
K3_CALL = Call(
    (
        '<|open|>call tool="',
        Slot.NAME,
        '" index="',
        Slot.NUMBER,
        '"<|sep|>',
        Slot.ARGUMENTS,
        "<|close|>call<|sep|>",
    ),
    TaggedArguments(
        '<|open|>argument key="',
        {name: f'" type="{name}"<|sep|>' for name in K3_TYPES},
        "<|close|>argument<|sep|>",
    ),
)


def _k2(learnt: Format, source: str) -> Format:
    return Format(
        reasoning=Reasoning("<think>", "</think>", ends_at_call=True),
        calls=Calls(
            K2_CALL,
            start="<|tool_calls_section_begin|>",
            end="<|tool_calls_section_end|>",
        ),
    )


def _k3(learnt: Format, source: str) -> Format:
    return Format(
        reasoning=Reasoning("<|open|>think<|sep|>", "<|close|>think<|sep|>", ends_at_content=True),
        content=Wrapper("<|open|>response<|sep|>", "<|close|>response<|sep|>"),
        calls=Calls(K3_CALL, start="<|open|>tools<|sep|>", end="<|close|>tools<|sep|>"),
        before_content="<|open|>response<|sep|>",
        noise=("<|close|>message<|sep|>", "<|end_of_msg|>"),
    )


K2 = Family("Kimi K2", ("<|tool_calls_section_begin|>", "<|tool_call_begin|>"), _k2)
K3 = Family("Kimi K3", ("<|open|>", "<|close|>", "<|end_of_msg|>"), _k3)
