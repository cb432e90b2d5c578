"""Families whose templates show all but what becomes of thoughts that aren't ended, and the like.

Answers to llama.cpp `common/parsers/` (cohere2moe, ling3, minicpm5, qwen3-coder) and to the list of
workarounds in `common/chat-diff-analyzer.cpp`.
"""

from __future__ import annotations

from dataclasses import replace

from server.chat.formats.family import Family
from server.chat.formats.family import Message
from server.chat.formats.format import Format
from server.chat.formats.format import Reasoning
from server.chat.formats.format import TaggedArguments


def _calls_end_thoughts(learnt: Format, source: str) -> Format:
    if learnt.reasoning is None:
        return learnt
    return replace(learnt, reasoning=replace(learnt.reasoning, ends_at_call=True))


def _qwen3_coder(learnt: Format, source: str) -> Format:
    """Models that don't think leave out `<tool_call>` at times."""
    if "<think>" in source or learnt.calls is None:
        return _calls_end_thoughts(learnt, source)
    return replace(learnt, calls=replace(learnt.calls, other_starts=("<function=",)))


def _ling(learnt: Format, source: str) -> Format:
    return replace(_calls_end_thoughts(learnt, source), stops=("<|role_end|>",))


def _laguna(learnt: Format, source: str) -> Format:
    """The models leave out the space around tags that the template has."""
    if learnt.reasoning is None:
        return learnt
    reasoning = Reasoning(learnt.reasoning.start.strip(), learnt.reasoning.end.strip())
    return replace(learnt, reasoning=reasoning, stops=("</assistant>",))


def _cohere2(learnt: Format, source: str) -> Format:
    if learnt.reasoning is None:
        return learnt
    reasoning = replace(learnt.reasoning, ends_at_call=True, ends_at_content=True)
    return replace(
        learnt,
        reasoning=reasoning,
        before_content="<|START_TEXT|>",
        noise=("<|END_OF_TURN_TOKEN|>",),
    )


def _minicpm(learnt: Format, source: str) -> Format:
    calls = learnt.calls
    if calls is None or not isinstance(calls.call.arguments, TaggedArguments):
        return learnt
    arguments = replace(calls.call.arguments, has_cdata=True)
    return replace(learnt, calls=replace(calls, call=replace(calls.call, arguments=arguments)))


def _solar(learnt: Format, source: str) -> Format:
    """What the template ends calls with, the model ends its turn with."""
    return learnt if learnt.calls is None else replace(learnt, calls=replace(learnt.calls, end=""))


def _nemotron_v2(learnt: Format, source: str) -> Format:
    """Its template shows thoughts nowhere but where the prompt begins them."""
    return replace(learnt, reasoning=Reasoning("<think>\n", "</think>"))


def _llama(learnt: Format, source: str) -> Format:
    """Calls may have the tag that the model knows for code."""
    if learnt.calls is None:
        return learnt
    return replace(learnt, calls=replace(learnt.calls, other_starts=("<|python_tag|>",)))


def _trimmed(messages: list[Message]) -> list[Message]:
    """White space around texts makes StepFun's models think in circles."""
    return [_trimmed_message(message) for message in messages]


def _trimmed_message(message: Message) -> Message:
    trimmed = dict(message)
    if isinstance(trimmed["content"], str):
        trimmed["content"] = trimmed["content"].strip()
    else:
        trimmed["content"] = [part | {"text": part["text"].strip()} for part in message["content"]]
    if "reasoning_content" in trimmed:
        trimmed["reasoning_content"] = trimmed["reasoning_content"].strip()
    return trimmed


FAMILIES = (
    Family("Ling 3", ("<role>ASSISTANT</role>", "<arg_key>"), _ling),
    Family("Cohere 2 MoE", ("<|START_TEXT|>", "<|START_ACTION|>"), _cohere2),
    Family("MiniCPM 5", ("Tool usage guidelines:", '<param name="'), _minicpm),
    Family(
        "StepFun 3.5",
        ("You have access to the following functions in JSONSchema format",),
        _qwen3_coder,
        adapt=_trimmed,
    ),
    Family("Qwen3-Coder", ("<tool_call>", "<function=", "<parameter="), _qwen3_coder),
    Family("Laguna", ("laguna_glm_thinking",), _laguna),
    Family("Solar Open", ("<|tool_call:begin|>", "<|calls|>"), _solar),
    Family("Nemotron Nano 2", ("<SPECIAL_12>", "<TOOL_RESPONSE>"), _nemotron_v2),
    Family("Llama 3", ("Do not use variables.",), _llama),
)
