"""Answers that no family writes: each is a message, and no word of it is lost.

llama.cpp's chat library gives an error for most of these. Words of markup may go, and so may what
a text that breaks off has begun of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from server.chat.delta import ParsedMessage
from server.chat.formats.format import Format
from server.chat.formats.markup import texts_of
from server.chat.formats.texts import TAG
from server.chat.stream import Reading
from server.chat.tools import Tool
from tests.chat.recorded import load
from tests.chat.streams import as_value
from tests.chat.streams import parse
from tests.chat.streams import upstream_template

pytestmark = pytest.mark.upstream

TURNS = load("turns.json")
TOOLS = tuple(Tool(name, TURNS["parameters"]) for name in ("get_weather", "get_w"))
CHOSEN = {"text", "two calls", "thoughts and call"}
WORD = re.compile(r"\w+")
NOTATION = ("True", "False", "None", "json", "type", "string", "arguments", "parameters", "CDATA")


def spoilt(raw: str) -> Iterator[str]:
    """A turn as a model may get it wrong."""
    yield raw.replace("get_w", "unknown_w")
    yield raw.replace("get_weather", "get_weather_now").replace('"get_w"', '"get_wind"')
    yield raw.replace("arguments", "parameters")
    yield raw.replace("parameters", "arguments")
    yield raw.replace("city", "town")
    yield raw.replace('"city":', '"town": "Rome", "city":')
    yield raw.replace('{"name"', '{"purpose": "travel", "name"')
    yield raw.replace('"arguments":', '"purpose": "travel", "arguments":')
    yield raw.replace("}", ",}")
    yield raw.replace('"', "'")
    yield raw.replace("'", '"')
    yield raw.replace('"}', "}")
    yield raw.replace("Paris", "Paris</s> <|im_end|> [END] it's")
    yield f"{raw}Done it."
    yield f"{raw}\nDone it.\n{raw}"
    yield f"Well then: {raw}{raw}<|im_end|>"
    for tag in dict.fromkeys(TAG.findall(raw)):
        yield raw.replace(tag, "", 1)
        yield raw.replace(tag, tag * 2, 1)


def kept_by(message: ParsedMessage) -> str:
    """All that a message says; arguments as text and as values."""
    values = [as_value(call.arguments) for call in message.calls]
    shown = json.dumps(values, ensure_ascii=False).replace("\\n", "\n").replace("\\\\", "\\")
    calls = [f"{call.id} {call.name} {call.arguments}" for call in message.calls]
    return "\n".join([message.content, message.reasoning, shown, *calls])


def lost_words(fmt: Format, raw: str, message: ParsedMessage) -> list[str]:
    kept = kept_by(message)
    # headers name the function as well
    known = {tool.name for tool in TOOLS} if fmt.channels else set()
    markup = " ".join([*texts_of(fmt), repr(fmt), *NOTATION])
    return [
        word
        for word in WORD.findall(raw)
        if raw.count(word) > kept.count(word)
        and word not in known
        # numbers and ids of calls may be replaced
        and not re.fullmatch(r"\d|call\d+", word)
        and word not in markup
    ]


@pytest.mark.parametrize("family", TURNS["turns"])
def test_no_word_of_a_spoilt_turn_is_lost(family: str) -> None:
    fmt = upstream_template(family).format
    for name in sorted(CHOSEN & TURNS["turns"][family].keys()):
        turn = TURNS["turns"][family][name]
        reading = Reading(fmt, TOOLS, turn["opening"])
        for i, raw in enumerate(spoilt(turn["raw"])):
            message = parse(reading, [raw])
            assert not lost_words(fmt, raw, message), (name, raw, message)
            if i % 6 == 0:
                assert parse(reading, list(raw)) == message, (name, raw)
