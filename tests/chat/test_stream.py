"""The parser on formats of its own: what becomes of any text, however it arrives."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from server.chat.delta import CallDelta
from server.chat.delta import ContentDelta
from server.chat.formats import FAMILIES
from server.chat.formats import GENERIC
from server.chat.formats.format import Format
from server.chat.formats.format import Reasoning
from server.chat.formats.format import Wrapper
from server.chat.stream import MessageParser
from server.chat.stream import Reading
from server.chat.tools import Tool
from tests.chat.streams import calls_of
from tests.chat.streams import parse

PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"type": ["string", "null"]},
    },
}
TOOLS = (Tool("weather", PARAMETERS), Tool("weather_now", PARAMETERS))
HERMES = Format(Reasoning("<think>\n", "\n</think>\n\n"), calls=GENERIC)
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
OSLO = ["weather", {"city": "Oslo"}]

WRITTEN = Format(Reasoning("<think>\n", "\n</think>\n"), calls=GENERIC)
FORMATS = {family.name: family.amend(WRITTEN, "") for family in FAMILIES} | {"Hermes": HERMES}
MARKUP = [
    *("<think>", "</think>", "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]", ">>>", "{"),
    *(
        "}",
        '"',
        "\\",
        "'",
        ":",
        ",",
        "[",
        "]",
        "(",
        ")",
        "=",
        "\n",
        " ",
        "<",
        ">",
        "```json",
        "```",
    ),
    *('"name"', '"arguments"', '"parameters"', "weather", "city", "days", "tags", "all\n", "null"),
    *("<|channel|>", "<|message|>", "<|end|>", "<|start|>assistant", " to=functions.weather"),
    *("<|tool_calls_section_begin|>", "<|tool_call_begin|>", "functions.weather:0", "<|call|>"),
    *("<|tool_call_argument_begin|>", "<|tool_call_end|>", "<|open|>tools<|sep|>", "<|sep|>"),
    *('<|open|>call tool="', '" index="1"', '<|open|>argument key="', "<|close|>argument<|sep|>"),
    *("<|tool_call_start|>[", "]<|tool_call_end|>", "<|tool_call>call:", "<tool_call|>", '<|"|>'),
    *("]<]minimax[>[<tool_call>\n", ']<]minimax[>[<invoke name="weather">', "]<]minimax[>[<city>"),
    *(
        "]<]minimax[>[</city>",
        "<function=weather>",
        "<parameter=city>",
        "</parameter>",
        "</function>",
    ),
    *("<|tool_call|>[", '<atem:invoke name="', " to=self", " to=user", " to=weather", "<|eom|>"),
]
TEXTS = st.lists(st.one_of(st.sampled_from(MARKUP), st.text(max_size=3)), max_size=40)
REQUESTS = st.builds(
    Reading,
    st.sampled_from(list(FORMATS.values())),
    st.sampled_from([(), TOOLS]),
    st.sampled_from(["", "<think>\n", "<|start|>assistant", ">>>"]),
    st.sampled_from(["", "Well, "]),
    st.booleans(),
    st.booleans(),
)


@given(REQUESTS, TEXTS)
@settings(max_examples=400, deadline=None)
def test_any_text_is_a_message_and_the_same_however_it_arrives(
    reading: Reading, pieces: list[str]
) -> None:
    whole = parse(reading, ["".join(pieces)])
    assert parse(reading, pieces) == whole
    assert parse(reading, list("".join(pieces))) == whole


@given(st.binary(max_size=60))
def test_any_bytes_are_content(data: bytes) -> None:
    text = data.decode(errors="replace")
    assert parse(Reading(Format()), list(text)).content == text


def test_content_reasoning_and_calls_are_told_apart() -> None:
    message = parse(Reading(HERMES, TOOLS), ["<think>\nHm.\n</think>\n\nLet me see.\n" + CALL * 2])
    assert message.reasoning == "Hm.\n"
    assert message.content == "Let me see.\n"
    assert calls_of(message) == [OSLO, OSLO]


def test_without_tools_a_call_is_content() -> None:
    assert parse(Reading(HERMES), [CALL]).content == CALL


def test_reasoning_that_is_not_to_be_told_apart_is_content() -> None:
    reading = Reading(HERMES, TOOLS, "<think>\n", extracts_reasoning=False)
    message = parse(reading, ["Hm.\n</think>\n\nHi."])
    assert (message.reasoning, message.content) == ("", "<think>\nHm.\n</think>\n\nHi.")


def test_reasoning_may_be_opened_by_the_prompt() -> None:
    message = parse(Reading(HERMES, opening="assistant\n<think>\n"), ["Hm.\n</think>\n\nHi."])
    assert (message.reasoning, message.content) == ("Hm.\n", "Hi.")


def test_reasoning_closed_by_the_prompt_is_none() -> None:
    message = parse(Reading(HERMES, opening="<think>\n\n</think>\n\n"), ["Hi."])
    assert (message.reasoning, message.content) == ("", "Hi.")


def test_a_begun_message_is_part_of_it() -> None:
    reading = Reading(HERMES, opening="<think>\nHm.\n</think>\n\n", prefill="Well, ")
    message = parse(reading, ["hello."])
    assert (message.reasoning, message.content) == ("Hm.\n", "Well, hello.")


@pytest.mark.parametrize(
    "prose",
    [
        "The marker is <tool_call> you know.",
        "A <tool_call B, then <tool_call",
        '<tool_call>\n{"name": "climate", "arguments": {}}\n</tool_call>',
        '<tool_call>\n{"name": "weather_today", "arguments": {}}\n</tool_call>',
        '<tool_call>\n{"title": "x"}\n</tool_call>',
        "a < b, c <t",
    ],
)
def test_what_only_looks_like_a_call_is_content(prose: str) -> None:
    message = parse(Reading(HERMES, TOOLS), list(prose))
    assert (message.content, message.calls) == (prose, [])


def test_text_around_calls_is_content() -> None:
    message = parse(Reading(HERMES, TOOLS), [f"One.\n{CALL}\nTwo.\n{CALL}<|im_end|>"])
    assert message.content == "One.\n\nTwo.\n<|im_end|>"
    assert len(message.calls) == 2


def test_a_call_that_breaks_off_keeps_what_there_is_of_it() -> None:
    message = parse(Reading(HERMES, TOOLS), ['<tool_call>\n{"name": "weather", "arguments": {"ci'])
    assert [(call.name, call.arguments) for call in message.calls] == [("weather", '{"ci')]
    assert message.content == ""


def test_a_call_that_breaks_off_before_its_name_is_nothing() -> None:
    message = parse(Reading(HERMES, TOOLS), ['Hm. <tool_call>\n{"name": "wea'])
    assert (message.content, message.calls) == ("Hm. ", [])


def test_arguments_may_come_before_the_name_or_as_text() -> None:
    early = '<tool_call>{"arguments": {"city": "Oslo"}, "name": "weather"}</tool_call>'
    text = '<tool_call>{"name": "weather", "arguments": "{\\"city\\": \\"Oslo\\"}"}</tool_call>'
    assert calls_of(parse(Reading(HERMES, TOOLS), [early, text])) == [OSLO, OSLO]


def test_arguments_arrive_bit_by_bit() -> None:
    parser = MessageParser(Reading(HERMES, TOOLS), lambda: "id1")
    assert parser.push('Hi.<tool_call>{"name": "weather') == [ContentDelta("Hi.")]
    assert parser.push('", "arguments": {"ci') == [CallDelta(0, '{"ci', "weather", "id1")]
    assert parser.push('ty": "Os') == [CallDelta(0, 'ty": "Os')]
    assert parser.push('lo"}}</tool_call>') == [CallDelta(0, 'lo"}')]
    assert parser.finish() == []


def test_held_back_text_comes_at_the_end() -> None:
    parser = MessageParser(Reading(HERMES, TOOLS), lambda: "id1")
    assert parser.push("a <tool") == [ContentDelta("a ")]
    assert parser.finish() == [ContentDelta("<tool")]


def test_a_document_is_taken_out_of_its_fence() -> None:
    reading = Reading(HERMES, is_json=True)
    document = '{"a": "```"}'
    assert parse(reading, [f"```json\n{document}\n```"]).content == document
    assert parse(reading, [document]).content == document
    assert parse(reading, ["no document"]).content == "no document"


def test_wrapped_content_loses_its_wrapper() -> None:
    reading = Reading(replace(HERMES, content=Wrapper("<out>", "</out>")), TOOLS)
    message = parse(reading, [f"<out>Hi {CALL}</out>{CALL}"])
    assert (message.content, calls_of(message)) == (f"Hi {CALL}", [OSLO])


def test_long_arguments_take_time_in_proportion() -> None:
    reading = Reading(HERMES, TOOLS)
    pieces = ['<tool_call>{"name": "weather", "arguments": {"city": "', *["x" * 5] * 40_000, '"}}']
    assert len(parse(reading, pieces).calls[0].arguments) > 200_000


@pytest.mark.parametrize(
    ("extracts", "content", "reasoning"), [(True, "", "So."), (False, "<think>\nSo.", "")]
)
def test_space_after_a_tag_that_the_prompt_ends_with_is_no_thought(
    extracts: bool, content: str, reasoning: str
) -> None:
    fmt = Format(Reasoning("<think>", "</think>"))
    reading = Reading(fmt, (), "assistant\n<think>\n", extracts_reasoning=extracts)
    message = parse(reading, ["So."])
    assert (message.content, message.reasoning) == (content, reasoning)
