"""Every family of llama.cpp's source tree: what its template makes of a turn is read as that turn.

Nothing here is recorded. A template that leaves something out, or that shows it in a way that has
no one meaning, stands in `LOSSY`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from server.chat.errors import ChatError
from server.chat.formats.markup import texts_of
from server.chat.formats.texts import TAG
from server.chat.formats.texts import shared_end
from server.chat.message import parse_messages
from server.chat.prompt import ChatPrompt
from server.chat.prompt import ChatRequest
from server.chat.prompt import render
from server.chat.reasoning import shared_length
from server.chat.stream import Reading
from server.chat.template import ChatTemplate
from server.chat.tools import Tool
from tests.chat.recorded import NOW
from tests.chat.recorded import load
from tests.chat.streams import calls_of
from tests.chat.streams import parse
from tests.chat.streams import splits
from tests.chat.streams import upstream_template

pytestmark = pytest.mark.upstream

FAMILIES: tuple[str, ...] = tuple(load("turns.json")["turns"])

PARAMETERS = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "filters": {"type": "object"},
        "limit": {"type": "number"},
        "exact": {"type": "boolean"},
        "note": {"type": "string"},
        "list": {"type": "array"},
    },
}
NAMES = ("search", "get_w")
TOOLS = [
    {"type": "function", "function": {"name": name, "description": "d", "parameters": PARAMETERS}}
    for name in NAMES
]
USER = {"role": "user", "content": "Hello there"}
MARK = "Qtextq"

FILTERS = {"tags": ["a b", "c\\d", "é"], "range": {"min": -1, "max": 2.5}}
ALL_KINDS = {
    "query": 'naïve "q" 日本 🎉 <b>&</b>',
    "filters": FILTERS,
    "limit": 10,
    "exact": True,
    "note": "line one\n  line two",
}


@dataclass(frozen=True, slots=True)
class Turn:
    """What an assistant says."""

    calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    content: str = ""
    thoughts: str = ""


ASKED = ("search", {"query": "x"})
TURNS = {
    "all kinds of values": Turn((("search", ALL_KINDS),)),
    "no arguments": Turn((("search", {}),)),
    "an array": Turn((("search", {"list": [1, "two", [3.5, False]], "query": ""}),)),
    "an empty object": Turn((("search", {"filters": {}, "limit": -3}),)),
    "a nested empty array": Turn((("search", {"list": [1, {"three": []}]}),)),
    "texts that look like values": Turn((("search", {"query": "12", "note": "true"}),)),
    "texts that look like JSON": Turn((("search", {"query": '{"a": 1}', "note": "[1]"}),)),
    "texts with brackets": Turn((("search", {"query": 'a, b=(c)] "} {x: \\n}', "note": "'"}),)),
    "two calls": Turn((("search", ALL_KINDS), ("get_w", {"query": "b", "exact": False}))),
    "one function twice": Turn((("get_w", {"query": "a"}), ("get_w", {"query": "b"}))),
    "text and a call": Turn((ASKED,), content="Let me look:\nwait."),
    "thoughts and a call": Turn((ASKED,), thoughts='I think\nit is "so".'),
    "thoughts and text": Turn(content="The answer: 4", thoughts="I think\n\nso."),
    "all": Turn((ASKED, ("get_w", {"limit": 1.5})), "Let me look.", "I think so."),
}

APART = "its template shows text and calls in two turns, or in the wrong order"
ONE = "its template shows one call of a turn"
LOSSY = {
    "GigaChat3-10B-A1.8B": (ONE, {"one function twice"}),
    "GigaChat3.1-10B-A1.8B": (ONE, {"one function twice"}),
    "openai-gpt-oss-120b": (
        f"{ONE}, and text before it as thoughts",
        {"one function twice", "text and a call"},
    ),
    "NVIDIA-Nemotron-Nano-v2": (
        f"{APART}; no thoughts, with which its prompt ends",
        {"text and a call", "all", "thoughts and text"},
    ),
    "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B": (APART, {"text and a call", "all"}),
    "MiniMax-M3": ("an empty value is an empty element", {"a nested empty array"}),
    "LFM2.5-8B-A1B": ("its template puts texts in quotes as they are", {"texts with brackets"}),
    "Apriel-1.6-15b-Thinker-fixed": (
        "its prompt ends within thoughts, which its template shows for some turns only",
        {name for name, turn in TURNS.items() if turn.calls and not turn.thoughts},
    ),
    "llama-cpp-rwkv-world": (
        "its template begins another turn after the last one",
        {"thoughts and text"},
    ),
    "CohereForAI-c4ai-command-r-plus-tool_use": (
        "its template begins the turn itself, and its prompt does not say so",
        set(TURNS),
    ),
}


def message_of(turn: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": turn.content}
    if turn.thoughts:
        message["reasoning_content"] = turn.thoughts
    if turn.calls:
        message["tool_calls"] = [
            {
                "id": f"callid00{i}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)},
            }
            for i, (name, arguments) in enumerate(turn.calls)
        ]
    return message


def rendered(
    template: ChatTemplate, *messages: dict[str, Any], opens: bool = False, thinks: bool | None
) -> ChatPrompt:
    parsed = parse_messages({"messages": list(messages)})
    request = ChatRequest(
        parsed, NOW, tools=TOOLS, add_generation_prompt=opens, enable_thinking=thinks
    )
    return render(template, request)


def written(template: ChatTemplate, turn: Turn) -> tuple[str, str]:
    """(the end of the prompt, what the model writes) as the template shows them. ChatError."""
    message = message_of(turn)
    for thinks in (None, True, False) if turn.thoughts else (None, False, True):
        prompt = rendered(template, USER, opens=True, thinks=thinks)
        whole = rendered(template, USER, message, thinks=thinks).text
        if whole.startswith(prompt.text):
            return prompt.generation_prompt, _without_end(template, whole[len(prompt.text) :])
    # the prompt opens thoughts where the turn has none, or the other way round
    place = shared_length(prompt.text, whole)
    tag = prompt.text.rfind("<", 0, place)
    if tag >= 0 and ">" not in prompt.text[tag:place]:
        place = tag
    n_open = len(prompt.generation_prompt) - (len(prompt.text) - place)
    return prompt.generation_prompt[: max(0, n_open)], _without_end(template, whole[place:])


def _without_end(template: ChatTemplate, text: str) -> str:
    """A turn without what ends it, which a model's end token is or has after it."""
    plain = rendered(template, USER, {"role": "assistant", "content": MARK}, thinks=None).text
    end = shared_end(plain.rpartition(MARK)[2], text)
    text = text[: len(text) - len(end)]
    markup = "".join(texts_of(template.format))
    while (tags := TAG.findall(text)) and text.rstrip().endswith(tags[-1]):
        if tags[-1] in markup:
            break
        text = text[: text.rindex(tags[-1])]
    return text


def shown_turns(
    family: str, names: Iterable[str] = tuple(TURNS)
) -> Iterator[tuple[str, Turn, str, str]]:
    """The turns that the template shows: name, turn without what it leaves out, opening, text."""
    template = upstream_template(family)
    for name in names:
        turn = TURNS[name]
        if turn.calls and template.format.calls is None:
            continue
        try:
            opening, text = written(template, turn)
        except ChatError:
            continue
        if any(function not in text for function, _ in turn.calls):
            continue
        content = turn.content if turn.content in text else ""
        thoughts = turn.thoughts if turn.thoughts.split("\n")[0] in text else ""
        yield name, Turn(turn.calls, content, thoughts), opening, text


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_template_shows_is_read_as_it_was(family: str) -> None:
    tools = tuple(Tool(name, PARAMETERS) for name in NAMES)
    _, lossy = LOSSY.get(family, ("", set()))
    for name, turn, opening, text in shown_turns(family):
        reading = Reading(upstream_template(family).format, tools, opening)
        message = parse(reading, [text])
        found = (calls_of(message), message.content.strip(), message.reasoning.strip())
        calls = [[function, arguments] for function, arguments in turn.calls]
        is_same = found == (calls, turn.content, turn.thoughts)
        assert is_same == (name not in lossy), (name, opening, text, message)
        for pieces in splits(text, 2):
            assert parse(reading, pieces) == message, (name, pieces)


@pytest.mark.parametrize(
    ("name", "n_least"),
    [("all kinds of values", 55), ("two calls", 50), ("thoughts and text", 70)],
)
def test_nearly_all_templates_show_calls_and_thoughts(name: str, n_least: int) -> None:
    shown = [family for family in FAMILIES if list(shown_turns(family, [name]))]
    assert len(shown) >= n_least
