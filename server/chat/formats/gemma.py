"""Gemma 4: `<|tool_call>call:f{key:<|"|>text<|"|>}<tool_call|>`, thoughts in `<|channel>thought`.

Answers to llama.cpp `common/parsers/gemma4.cpp`.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from server.chat.formats.family import Family
from server.chat.formats.family import Message
from server.chat.formats.format import BracedArguments
from server.chat.formats.format import Call
from server.chat.formats.format import Calls
from server.chat.formats.format import Format
from server.chat.formats.format import Reasoning
from server.chat.formats.format import Slot

CALL = Call(
    ("<|tool_call>call:", Slot.NAME, Slot.ARGUMENTS, "<tool_call|>"), BracedArguments('<|"|>')
)


def _amend(learnt: Format, source: str) -> Format:
    return Format(
        reasoning=Reasoning("<|channel>thought\n", "<channel|>", repeats=True),
        calls=Calls(CALL),
        noise=("<channel|>",),
    )


def _end(prompt: str, is_open: bool) -> str:
    """Templates may forget to open a turn after a message with both content and calls."""
    return prompt + "<|turn>model\n" if is_open and prompt.endswith("<turn|>\n") else prompt


def _adapt(messages: list[Message]) -> list[Message]:
    """Results of calls, and the answer after them, belong to the message with the calls."""
    adapted: list[Message] = []
    todo = list(messages)
    while todo:
        message = todo.pop(0)
        if message["role"] != "assistant" or not message.get("tool_calls"):
            adapted.append(message)
            continue
        results: list[Message] = []
        while todo and todo[0]["role"] == "tool":
            results.append(todo.pop(0))
        final = None
        if todo and todo[0]["role"] == "assistant" and not todo[0].get("tool_calls"):
            final = todo.pop(0)["content"] if todo[0]["content"] else None
        adapted.append(_turn(message, results, final))
    return adapted


def _turn(message: Message, results: list[Message], final: object) -> Message:
    turn: Message = {"role": "assistant", "tool_calls": message["tool_calls"]}
    if results:
        turn["tool_responses"] = [
            _response(result, message["tool_calls"], i) for i, result in enumerate(results)
        ]
    if final is not None:
        turn["content"] = final
    if "reasoning_content" in message:
        turn["reasoning_content"] = message["reasoning_content"]
    return turn


def _response(result: Message, calls: list[dict[str, Any]], i: int) -> dict[str, Any]:
    response = result["content"]
    if isinstance(response, str):
        with suppress(ValueError):
            response = json.loads(response)
    name = calls[i]["function"]["name"] if i < len(calls) else result.get("tool_call_id", "")
    return {"name": name, "response": response}


MARK = "'<|tool_call>call:'"
NEW = "{#- OpenAI Chat Completions:"
"""What templates that take results as other families do have."""

GEMMA4 = Family("Gemma 4", (MARK, NEW), _amend, end=_end)
EARLY_GEMMA4 = Family("Gemma 4, first templates", (MARK,), _amend, adapt=_adapt, end=_end)
