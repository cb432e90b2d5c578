"""Ministral 3 and Magistral, whose content is made of blocks; the check that Mistrals share.

Answers to llama.cpp `common/parsers/ministral3.cpp`.
"""

from __future__ import annotations

from dataclasses import replace

from server.chat.formats.family import Family
from server.chat.formats.family import Message
from server.chat.formats.format import Format
from server.chat.formats.format import Reasoning

CHECK = (
    "{%- if (message['content'] is none or message['content'] == '' or "
    "message['content']|length == 0) and (message['tool_calls'] is not defined or "
    "message['tool_calls'] is none or message['tool_calls']|length == 0) %}"
)
"""Where the template refuses messages that say nothing."""


def _amend(learnt: Format, source: str) -> Format:
    return replace(learnt, reasoning=Reasoning("[THINK]", "[/THINK]"))


def _adapt(messages: list[Message]) -> list[Message]:
    """What the system and the assistant say is in blocks of thoughts and text."""
    return [
        _in_blocks(message) if message["role"] in ("system", "assistant") else message
        for message in messages
    ]


def _in_blocks(message: Message) -> Message:
    blocks: list[dict[str, str]] = []
    if reasoning := message.get("reasoning_content"):
        blocks.append({"type": "thinking", "thinking": reasoning})
    content = message["content"]
    if isinstance(content, str):
        blocks.append({"type": "text", "text": content})
    else:
        blocks += content
    adapted = message | {"content": blocks}
    adapted.pop("reasoning_content", None)
    return adapted


MINISTRAL3 = Family(
    "Ministral 3",
    ("[SYSTEM_PROMPT]", "[TOOL_CALLS]", "[ARGS]"),
    _amend,
    lacks=("[CALL_ID]",),
    adapt=_adapt,
    patches=((CHECK, "{%- if false %}"),),
)
