"""gpt-oss: messages in channels (OpenAI's Harmony format).

`<|start|>assistant<|channel|>analysis<|message|>...<|end|>`; calls name a recipient, in the role or
in the channel: `<|start|>assistant<|channel|>commentary to=functions.f json<|message|>{...}`.
Answers to llama.cpp `common/parsers/gpt-oss.cpp`.
"""

from __future__ import annotations

from server.chat.formats.family import Family
from server.chat.formats.family import Message
from server.chat.formats.format import Call
from server.chat.formats.format import Calls
from server.chat.formats.format import Channels
from server.chat.formats.format import Format
from server.chat.formats.format import Reasoning
from server.chat.formats.format import Slot

CHECK = (
    '{%- if "<|channel|>analysis<|message|>" in message.content or '
    '"<|channel|>final<|message|>" in message.content %}'
)
"""Where the template refuses content with channels in it."""

START, MIDDLE = "<|start|>assistant", "<|message|>"


def _amend(learnt: Format, source: str) -> Format:
    return Format(
        reasoning=Reasoning(f"<|channel|>analysis{MIDDLE}", "<|end|>"),
        calls=Calls(Call((Slot.NAME, Slot.ARGUMENTS)), is_single=True),
        channels=Channels(
            start=START,
            middle=MIDDLE,
            ends=("<|end|>", "<|call|>", "<|return|>"),
            reasoning=r"<\|channel\|>analysis",
            call=r"to=functions\.([^\s<]+)",
            written_reasoning="<|channel|>analysis",
            headers=("<|channel|>", " to="),
            recipient=" to=functions.{name}",
            written_calls=(
                "<|channel|>commentary to=functions.{name} <|constrain|>json",
                "<|channel|>commentary to=functions.{name} json",
                "<|channel|>commentary to=functions.{name}",
                " to=functions.{name}<|channel|>commentary <|constrain|>json",
                " to=functions.{name}<|channel|>commentary json",
            ),
        ),
        before_content=f"{START}<|channel|>final{MIDDLE}",
        opening=START,
    )


def _adapt(messages: list[Message]) -> list[Message]:
    """Thoughts are called `thinking`; a message has those or content before its calls."""
    return [
        _thinking(message) if "reasoning_content" in message else message for message in messages
    ]


def _thinking(message: Message) -> Message:
    adapted = message | {"thinking": message["reasoning_content"]}
    if message.get("tool_calls"):
        del adapted["content"]
    return adapted


def _end(prompt: str, is_open: bool) -> str:
    """The token that ends a conversation in training ends a message here."""
    if is_open:
        return prompt
    before, found, after = prompt.rpartition("<|return|>")
    return f"{before}<|end|>{after}" if found else prompt


FAMILY = Family(
    "gpt-oss",
    ("<|channel|>",),
    _amend,
    adapt=_adapt,
    end=_end,
    patches=((CHECK, "{%- if false %}"),),
)
