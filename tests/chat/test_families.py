"""Every family of llama.cpp's source tree: turns as its models write them, and what they mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from server.chat.formats import FAMILIES
from server.chat.formats import family_of
from server.chat.formats.markup import tags_of
from server.chat.formats.markup import texts_of
from server.chat.stream import Reading
from server.chat.tools import Tool
from tests.chat.recorded import load
from tests.chat.streams import calls_of
from tests.chat.streams import parse
from tests.chat.streams import splits
from tests.chat.streams import templates_folder
from tests.chat.streams import upstream_template

pytestmark = pytest.mark.upstream

TURNS = load("turns.json")
TOOLS = tuple(Tool(name, TURNS["parameters"]) for name in ("get_weather", "get_w"))
CASES = [
    pytest.param(family, turn, id=f"{family}-{name}")
    for family, turns in TURNS["turns"].items()
    for name, turn in turns.items()
]


def reading_of(family: str, turn: dict[str, Any]) -> Reading:
    fmt = upstream_template(family).format
    may_call = turn.get("forced") or not fmt.calls_when_forced_only
    return Reading(fmt, TOOLS if may_call else (), turn["opening"])


@pytest.mark.parametrize(("family", "turn"), CASES)
def test_a_turn_means_what_its_family_means_by_it(family: str, turn: dict[str, Any]) -> None:
    message = parse(reading_of(family, turn), [turn["raw"]])
    assert message.content.strip() == turn["content"]
    assert message.reasoning.strip() == turn["reasoning"]
    assert calls_of(message) == turn["calls"]


@pytest.mark.parametrize(("family", "turn"), CASES)
def test_a_turn_means_the_same_however_it_arrives(family: str, turn: dict[str, Any]) -> None:
    reading = reading_of(family, turn)
    whole = parse(reading, [turn["raw"]])
    for pieces in splits(turn["raw"], 4):
        assert parse(reading, pieces) == whole


@pytest.mark.parametrize("family", TURNS["turns"])
def test_a_turn_may_break_off_anywhere(family: str) -> None:
    for turn in TURNS["turns"][family].values():
        reading = reading_of(family, turn)
        for n in range(0, len(turn["raw"]), 7):
            begun = turn["raw"][:n]
            assert parse(reading, [begun]) == parse(reading, list(begun))


@pytest.mark.parametrize(
    ("family", "raw"),
    [
        ("openai-gpt-oss-120b", "<|channel|>final<|message|>```json\n{}\n```"),
        ("muse-glimmer", " to=user<|message|>```json\n{}\n```"),
        ("upstage-Solar-Open-100B", "<|content|>```json\n{}\n```<|end|>"),
    ],
)
def test_a_document_is_taken_out_of_its_fence_within_messages(family: str, raw: str) -> None:
    reading = Reading(upstream_template(family).format, is_json=True)
    for pieces in splits(raw, 4):
        assert parse(reading, pieces).content == "{}"


def test_functionary_may_leave_out_what_parts_calls() -> None:
    fmt = upstream_template("meetkai-functionary-medium-v3.2").format
    raw = 'get_w\n{"city": "A"}get_weather\n{"city": "B"} get_weather is'
    message = parse(Reading(fmt, TOOLS, ">>>"), [raw])
    assert calls_of(message) == [["get_w", {"city": "A"}], ["get_weather", {"city": "B"}]]
    assert message.content.strip() == "get_weather is"


def test_what_the_prompt_begins_is_no_content() -> None:
    reading = Reading(upstream_template("openai-gpt-oss-120b").format, (), "<|start|>assistant")
    raw = " to=functions.f<|message|>{}"
    assert parse(reading, [raw]).content == raw.strip()


def test_tags_of_thoughts_that_are_content_are_content() -> None:
    fmt = upstream_template("google-gemma-4-31B-it").format
    raw = "<|channel>thought\nHm<channel|>Hi"
    assert parse(Reading(fmt, TOOLS, extracts_reasoning=False), [raw]).content == raw
    assert parse(Reading(fmt, TOOLS), [raw]).content == "Hi"


@pytest.mark.parametrize(
    ("family", "opening", "raw", "expected"),
    [
        # within what ends thoughts or content
        ("openai-gpt-oss-120b", "", "<|channel|>analysis<|message|>Hm<|en", ("", "Hm", [])),
        ("Kimi-K3", "", "<|open|>response<|sep|>Hi<|close|>resp", ("Hi", "", [])),
        # within a header
        ("openai-gpt-oss-120b", "<|start|>assistant", " to=functions.get_w<|cha", ("", "", [])),
        ("openai-gpt-oss-120b", "<|start|>assistant", "Hi", ("Hi", "", [])),
        ("muse-glimmer", "<|start|>assistant", " to=get_w<|message|><atem:fun", ("", "", [])),
        # within a call
        ("Qwen3-Coder", "", "Hi\n<tool_call>", ("Hi\n", "", [])),
        ("Qwen3-Coder", "", "Hi <too", ("Hi <too", "", [])),
        ("GLM-4.6", "", "<tool_call>get_w\n<arg_k", ("", "", [["get_w", "{"]])),
        (
            "GLM-4.6",
            "",
            "<tool_call>get_w\n<arg_key>city</arg_key>\n<arg_v",
            ("", "", [["get_w", '{"city":"']]),
        ),
        ("google-gemma-4-31B-it", "", "Hi<|tool_call>cal", ("Hi", "", [])),
        (
            "google-gemma-4-31B-it",
            "",
            '<|tool_call>call:get_w{city:<|"',
            ("", "", [["get_w", '{"city":"']]),
        ),
        (
            "muse-glimmer",
            "<|start|>assistant",
            ' to=get_w<|message|><atem:function_calls>\n<atem:invoke name="get_w">\n</atem:inv',
            ("", "", [["get_w", "{"]]),
        ),
    ],
)
def test_no_markup_is_left_where_a_turn_breaks_off(
    family: str, opening: str, raw: str, expected: tuple[str, str, list[Any]]
) -> None:
    reading = Reading(upstream_template(family).format, TOOLS, opening)
    message = parse(reading, [raw])
    assert (message.content, message.reasoning, calls_of(message)) == expected
    assert parse(reading, list(raw)) == message


@pytest.mark.parametrize(
    ("family", "raw", "content"),
    [
        (
            "upstage-Solar-Open-100B",
            "<|tool_calls|><|tool_call:begin|>call00001<|tool_call:name|>get_w<|tool_call:args|>"
            '{"city": "A"}<|tool_call:end|><|calls|>',
            "",
        ),
        (
            "google-gemma-4-31B-it",
            '<|tool_call>call:get_w{city:<|"|>A<|"|>}<tool_call|><|tool_response>',
            "",
        ),
        (
            "google-gemma-4-31B-it",
            '<|tool_call>call:get_w{city:<|"|>A<|"|>}<tool_call|>So.<|tool_response>',
            "So.",
        ),
        (
            "meetkai-functionary-medium-v3.1",
            '<function=get_w>{"city": "A"}</function><|eom_id|>',
            "",
        ),
    ],
)
def test_what_ends_a_turn_of_calls_alone_is_no_content(family: str, raw: str, content: str) -> None:
    reading = Reading(upstream_template(family).format, TOOLS)
    for pieces in ([raw], *splits(raw, 3)):
        message = parse(reading, pieces)
        assert (message.content, calls_of(message)) == (content, [["get_w", {"city": "A"}]])


@pytest.mark.parametrize(
    ("family", "opening", "raw", "content", "arguments"),
    [
        # another family's word for arguments, and what no call has
        (
            "meta-llama-Llama-3.1-8B-Instruct",
            "",
            '{"name": "get_w", "arguments": {"city": "A"}}',
            "",
            {"city": "A"},
        ),
        (
            "Qwen-Qwen3-0.6B",
            "",
            '<tool_call>\n{"name": "get_w", "why": [1], "arguments": {}}\n</tool_call>',
            '"why": [1]',
            {},
        ),
        # quotes within quotes, and what is no argument
        (
            "LFM2.5-8B-A1B",
            "",
            "<|tool_call_start|>[get_w(city='a 'b' \"c\"', z='')]<|tool_call_end|>",
            "",
            {"city": "a 'b' \"c\"", "z": ""},
        ),
        (
            "LFM2.5-8B-A1B",
            "",
            '<|tool_call_start|>[get_w(n=1, "A")]<|tool_call_end|>',
            '"A"',
            {"n": 1},
        ),
        ("GLM-4.6", "", "<tool_call>get_w\n<arg_key>a<b</tool_call>", "a<b</tool_call>", "{"),
        # nothing where a value belongs, and one quote too many
        (
            "google-gemma-4-31B-it",
            "",
            '<|tool_call>call:get_w{z:,o:{l:},city:<|"|>A<|"|>}<tool_call|>',
            "",
            {"z": None, "o": {"l": None}, "city": "A"},
        ),
        (
            "google-gemma-4-31B-it",
            "",
            '<|tool_call>call:get_w{z:<|"|><|"|>A<|"|>}<tool_call|>',
            "A",
            {"z": ""},
        ),
        # something said before a header
        (
            "openai-gpt-oss-120b",
            "<|start|>assistant",
            'Well: <|channel|>commentary to=functions.get_w<|message|>{"city": "A"}',
            "Well: ",
            {"city": "A"},
        ),
    ],
)
def test_what_is_written_otherwise_is_read_or_content(
    family: str, opening: str, raw: str, content: str, arguments: object
) -> None:
    reading = Reading(upstream_template(family).format, TOOLS, opening)
    for pieces in ([raw], *splits(raw, 3)):
        message = parse(reading, pieces)
        assert (message.content, calls_of(message)) == (content, [["get_w", arguments]])


@pytest.mark.parametrize(
    ("family", "opening", "raw"),
    [
        ("Kimi-K2-Instruct", "", '<|tool_call_begin|>functions.get_w:0{"city": "A"}<|im_end|>'),
        ("openai-gpt-oss-120b", "<|start|>assistant", "<|channel|>final Hi, <b>you</b>!"),
    ],
)
def test_a_turn_without_its_middle_is_content(family: str, opening: str, raw: str) -> None:
    message = parse(Reading(upstream_template(family).format, TOOLS, opening), [raw])
    assert (message.content, message.calls) == (raw, [])
    assert parse(Reading(upstream_template(family).format, TOOLS, opening), list(raw)) == message


@st.composite
def garbage(draw: st.DrawFn) -> tuple[Reading, list[str]]:
    """A family, and pieces of its markup in any order."""
    fmt = upstream_template(draw(st.sampled_from(sorted(TURNS["turns"])))).format
    markup = sorted(texts_of(fmt) | tags_of(fmt))
    words = [*markup, "get_w", "city", "Oslo", *'{}[]():,="1< \n\\']
    pieces = draw(st.lists(st.one_of(st.sampled_from(words), st.text(max_size=2)), max_size=40))
    return Reading(fmt, TOOLS, draw(st.sampled_from(["", "<think>\n"]))), pieces


@given(garbage())
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_message_of_any_family(given: tuple[Reading, list[str]]) -> None:
    reading, pieces = given
    assert parse(reading, pieces) == parse(reading, ["".join(pieces)])


def test_there_are_turns_of_every_family() -> None:
    families = {path.stem for path in templates_folder().glob("*.jinja")}
    assert families - set(TURNS["turns"]) == set()
    assert [family for family in families if not TURNS["turns"][family]] == []


def test_every_family_that_is_described_has_a_template() -> None:
    found = {family_of(upstream_template(name).source) for name in TURNS["turns"]}
    assert [family.name for family in FAMILIES if family not in found] == []


@pytest.mark.parametrize(
    "value", ["<![CDATA[a</param>b]]>", "\n<![CDATA[a", " <![CDATA[a]]>", "a<![CDATA[b"]
)
def test_a_quotation_is_one_where_it_begins_a_value(value: str) -> None:
    reading = Reading(upstream_template("openbmb-MiniCPM5-1B").format, TOOLS)
    text = f'<function name="get_w"><param name="city">{value}</param></function>'
    expected = "a</param>b" if value.startswith("<![CDATA[") else value
    for pieces in splits(text, 4):
        assert calls_of(parse(reading, pieces)) == [["get_w", {"city": expected}]]
