"""Drives a parser, and holds what it says in between against what it says at the end."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from server.chat.delta import CallDelta
from server.chat.delta import ContentDelta
from server.chat.delta import Delta
from server.chat.delta import ParsedMessage
from server.chat.delta import ReasoningDelta
from server.chat.delta import ToolCall
from server.chat.stream import MessageParser
from server.chat.stream import Reading
from server.chat.template import ChatTemplate
from tests.abi.headers import source_tree


def parse(reading: Reading, pieces: Iterable[str]) -> ParsedMessage:
    """The message; its deltas add up to it, calls in order, each with one name and one id."""
    ids = count(1)
    parser = MessageParser(reading, lambda: f"id{next(ids)}")
    deltas = [delta for piece in pieces for delta in parser.push(piece)]
    assert added_up([*deltas, *parser.finish()]) == parser.message
    return parser.message


def added_up(deltas: Iterable[Delta]) -> ParsedMessage:
    message = ParsedMessage()
    for delta in deltas:
        match delta:
            case ReasoningDelta(text):
                message.reasoning += text
            case ContentDelta(text):
                message.content += text
            case CallDelta(index, arguments, name, call_id):
                if name:
                    assert call_id
                    message.calls.append(ToolCall(call_id, name))
                assert index == len(message.calls) - 1
                message.calls[index].arguments += arguments
    return message


def splits(text: str, n: int, seed: int = 0) -> Iterator[list[str]]:
    """Some ways to cut a text into pieces: into characters, and at n places chosen at random."""
    yield list(text)
    chooser = random.Random(seed)
    for _ in range(n):
        places = sorted(chooser.choices(range(len(text) + 1), k=chooser.choice((1, 2, 5, 20))))
        yield [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def calls_of(message: ParsedMessage) -> list[Any]:
    """[name, arguments] of each call, the arguments as a value if they are JSON."""
    return [[call.name, as_value(call.arguments)] for call in message.calls]


def as_value(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


@cache
def upstream_template(family: str) -> ChatTemplate:
    """A template of llama.cpp's source tree."""
    return ChatTemplate((templates_folder() / f"{family}.jinja").read_text(encoding="utf-8"))


@cache
def templates_folder() -> Path:
    tree = source_tree()
    if tree is None:
        pytest.skip("llama.cpp's source is not in the cache; run ./build_native.sh")
    return tree / "models" / "templates"
