"""DeepSeek V3.2 and V4: calls in DSML, an XML with marked tags, learnt from the template.

Answers to llama.cpp `common/parsers/deepseek.cpp`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from server.chat.formats.family import Family
from server.chat.formats.family import Message
from server.chat.formats.format import Format


def _amend(learnt: Format, source: str) -> Format:
    """The empty line before calls belongs to them, and calls end thoughts."""
    if learnt.calls is None or learnt.reasoning is None:
        return learnt
    return replace(
        learnt,
        reasoning=replace(learnt.reasoning, ends_at_call=True),
        calls=replace(learnt.calls, start="\n\n" + learnt.calls.start),
    )


def _amend_v4(learnt: Format, source: str) -> Format:
    """A turn without thoughts begins with their end."""
    found = _amend(learnt, source)
    if found.reasoning is None:
        return found
    return replace(found, reasoning=replace(found.reasoning, none=found.reasoning.end))


def _sorted_results(messages: list[Message]) -> list[Message]:
    """The results of calls in the order of the calls, since the template shows them in one turn."""
    adapted: list[Message] = []
    order: dict[str, int] = {}
    results: list[int] = []
    for message in messages:
        if message["role"] == "tool":
            results.append(len(adapted))
        elif message["role"] != "user":
            _sort(adapted, results, order)
            results = []
        if calls := message.get("tool_calls"):
            order = {call["id"]: i for i, call in enumerate(calls) if "id" in call}
        adapted.append(message)
    _sort(adapted, results, order)
    return adapted


def _sort(messages: list[Message], places: Sequence[int], order: dict[str, int]) -> None:
    """Sort the messages at some places."""
    if len(places) < 2 or not order:
        return
    found = sorted(
        (messages[place] for place in places),
        key=lambda message: order.get(message.get("tool_call_id", ""), 0),
    )
    for place, message in zip(places, found, strict=True):
        messages[place] = message


V3_2 = Family("DeepSeek V3.2", ("dsml_token", "DSML", "function_calls"), _amend)
V4 = Family(
    "DeepSeek V4",
    ("dsml_token", "DSML", "tool_calls"),
    _amend_v4,
    lacks=("function_calls",),
    adapt=_sorted_results,
    schema_variable="response_format",
)
