"""What models may write: whatever a grammar allows is read back as it was meant."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from server.chat.grammar import Turn
from server.chat.grammar import answer
from server.chat.grammar import called_at_will
from server.chat.grammar import forced_calls
from server.chat.grammar.calls import Calling
from server.chat.prompt import ChatRequest
from server.chat.prompt import render
from server.chat.stream import Reading
from server.chat.tools import Tool
from server.grammar import SchemaRefused
from server.grammar import json_rule
from tests.chat.recorded import NOW
from tests.chat.recorded import load
from tests.chat.streams import parse
from tests.chat.streams import splits
from tests.chat.streams import upstream_template
from tests.chat.walks import matches
from tests.chat.walks import walk

pytestmark = pytest.mark.upstream

TURNS = load("turns.json")
FAMILIES = list(TURNS["turns"])
WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1, "maxLength": 12},
        "unit": {"enum": ["C", "F"]},
        "days": {"type": "integer", "minimum": 0, "maximum": 99},
        "share": {"type": "number"},
        "exact": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 3},
        "only": {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 1},
        "o": {
            "type": "object",
            "properties": {
                "a": {"type": "string", "maxLength": 4},
                "b": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            },
            "required": ["a"],
        },
        "note": {"type": ["string", "null"], "maxLength": 6},
    },
    "required": ["city", "days"],
}
SEARCH = {
    "type": "object",
    "properties": {"q": {"$ref": "#/$defs/q"}},
    "$defs": {"q": {"type": "string"}},
}
PING = {"type": "object", "properties": {}}
TOOLS = (Tool("weather", WEATHER), Tool("weather_now", SEARCH), Tool("ping", PING))
SCHEMAS = {tool.name: tool.parameters for tool in TOOLS}
ANSWER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def turn_of(family: str) -> Turn:
    template = upstream_template(family)
    request = ChatRequest([{"role": "user", "content": "Hi"}], NOW)
    return Turn(template.format, render(template, request).generation_prompt)


@pytest.mark.parametrize("family", FAMILIES)
def test_forced_calls_are_read_back_and_their_arguments_are_valid(family: str) -> None:
    turn = turn_of(family)
    lark = forced_calls(turn, Calling(TOOLS, is_parallel=True, is_strict=True)).lark
    reading = Reading(turn.format, TOOLS, turn.opening)
    for seed in range(6):
        text = walk(lark, turn.format, random.Random(seed))
        message = parse(reading, [text])
        assert message.calls
        assert not message.content.strip()
        for call in message.calls:
            jsonschema.validate(json.loads(call.arguments), SCHEMAS[call.name])
        for pieces in splits(text, 1, seed):
            assert parse(reading, pieces) == message


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_with_a_schema_come_after_thoughts(family: str) -> None:
    turn = turn_of(family)
    lark = answer(turn, json_rule(ANSWER)).lark
    for seed in range(3):
        text = walk(lark, turn.format, random.Random(seed))
        message = parse(Reading(turn.format, TOOLS, turn.opening, is_json=True), [text])
        jsonschema.validate(json.loads(message.content), ANSWER)
        assert not message.calls


def is_plain(call: list[Any]) -> bool:
    """Whether arguments are in the schema's order, and no values but texts and numbers."""
    names = list(TURNS["parameters"]["properties"])
    places = [names.index(name) for name in call[1]]
    simple = all(isinstance(value, str) for value in call[1].values())
    return "city" in call[1] and places == sorted(places) and simple


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_template_shows_of_calls_may_be_written(family: str) -> None:
    tools = [Tool(name, TURNS["parameters"]) for name in ("get_weather", "get_w")]
    fmt = upstream_template(family).format
    for name, turn in TURNS["turns"][family].items():
        is_shown = name in ("call", "two calls", "thoughts and call")
        if is_shown and not turn["content"] and all(is_plain(call) for call in turn["calls"]):
            given = Turn(fmt, turn["opening"])
            lark = forced_calls(given, Calling(tools, is_parallel=True, is_strict=True)).lark
            raw = turn["raw"].rstrip()
            assert matches(lark, raw.replace("'Paris'", '"Paris"')), name


@pytest.mark.parametrize("family", FAMILIES)
def test_calls_at_will_are_bound_from_their_trigger_on(family: str) -> None:
    fmt = upstream_template(family).format
    tools = [Tool(name, TURNS["parameters"]) for name in ("get_weather", "get_w")]
    for name, turn in TURNS["turns"][family].items():
        if name not in ("text and call", "thoughts and call") or not turn["calls"]:
            continue
        grammar = called_at_will(
            Turn(fmt, turn["opening"]), Calling(tools, is_parallel=True, is_strict=True)
        )
        assert grammar
        raw = turn["raw"].rstrip().replace("'Paris'", '"Paris"')
        if turn["content"] and raw.endswith(turn["content"]):
            continue
        for end in grammar.after:
            raw = raw.partition(end)[2] or raw
        found = [raw.index(text) for text in grammar.triggers if text in raw]
        if grammar.triggers:
            assert found, (grammar.triggers, raw)
            raw = raw[min(found) :]
        if not turn["content"] or grammar.triggers:
            assert matches(grammar.lark, raw), raw


def test_without_parallel_calls_there_is_one() -> None:
    turn = turn_of("Qwen-Qwen2.5-7B-Instruct")
    call = '<tool_call>\n{"name": "ping", "arguments": {}}\n</tool_call>'
    for is_parallel in (True, False):
        lark = forced_calls(turn, Calling(TOOLS, is_parallel, is_strict=True)).lark
        assert matches(lark, call)
        assert matches(lark, f"{call}\n{call}") is is_parallel


def test_thinking_can_be_ruled_out() -> None:
    turn = turn_of("Qwen-Qwen3-0.6B")
    call = '<tool_call>\n{"name": "ping", "arguments": {}}\n</tool_call>'
    for may_think in (True, False):
        lark = forced_calls(
            replace(turn, may_think=may_think), Calling(TOOLS, is_parallel=True, is_strict=True)
        ).lark
        assert matches(lark, call)
        assert matches(lark, f"<think>\nHm\n</think>\n\n{call}") is may_think


STRANGE = {"type": "object", "properties": {"q": {"type": "string", "pattern": "a(?!b)"}}}


@pytest.mark.parametrize("family", ["Qwen3-Coder", "MiniMax-M3", "google-gemma-4-31B-it"])
def test_what_a_notation_cannot_hold_to_is_refused_or_let_go(family: str) -> None:
    turn = turn_of(family)
    tool = Tool("f", STRANGE, "/tools/0/function/parameters")
    with pytest.raises(SchemaRefused, match=r"/tools/0/function/parameters/properties/q.*pattern"):
        forced_calls(turn, Calling([tool], is_parallel=True, is_strict=True))
    lark = forced_calls(turn, Calling([tool], is_parallel=True, is_strict=False)).lark
    message = parse(Reading(turn.format, (tool,)), [walk(lark, turn.format, random.Random(1))])
    assert [call.name for call in message.calls] and json.loads(
        message.calls[0].arguments
    ) is not None


PATTERNS = {
    "^[a-z]{2,4}$": ("abc", "abcde"),
    "^(?:cat|dog)$": ("dog", "dogs"),
    "[0-9]-[0-9]": ("at 3-4 or so", "3 - 4"),
    "^Dr\\.|^Prof\\.": ("Prof. X", "A Dr. X"),
}


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("family", ["Qwen3-Coder", "MiniMax-M3", "google-gemma-4-31B-it"])
def test_texts_without_quotes_are_held_to_patterns(family: str, pattern: str) -> None:
    turn = turn_of(family)
    place = {"type": "string", "pattern": pattern, "maxLength": 20}
    schema = {"type": "object", "properties": {"q": place}, "required": ["q"]}
    tool = Tool("f", schema)
    lark = forced_calls(turn, Calling([tool], is_parallel=False, is_strict=True)).lark
    text = walk(lark, turn.format, random.Random(1))
    (call,) = parse(Reading(turn.format, (tool,), turn.opening), [text]).calls
    written = json.loads(call.arguments)["q"]
    assert re.search(pattern, written)
    good, bad = PATTERNS[pattern]
    assert text.count(written) == 1
    assert matches(lark, text.replace(written, good))
    assert not matches(lark, text.replace(written, bad))


@pytest.mark.parametrize("family", ["MiniMax-M3", "google-gemma-4-31B-it"])
def test_schemas_that_refer_to_themselves_are_refused_where_values_are_not_json(
    family: str,
) -> None:
    node = {"type": "object", "properties": {"child": {"$ref": "#/$defs/node"}}}
    schema = {
        "type": "object",
        "properties": {"n": {"$ref": "#/$defs/node"}},
        "$defs": {"node": node},
    }
    with pytest.raises(SchemaRefused, match="levels deep"):
        forced_calls(
            turn_of(family), Calling([Tool("f", schema)], is_parallel=True, is_strict=True)
        )


def properties(**members: Any) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members)}


BARE = {
    "a format": ({"type": "string", "format": "date"}, ["2026-11-27"], ["tomorrow", "2026-13-01"]),
    "a choice": (
        {"anyOf": [{"type": "string", "pattern": "^[a-z]+$"}, {"type": "integer", "maximum": 5}]},
        ["abc"],
        ["ABC", "12", "true "],
    ),
    "null or text": ({"type": ["string", "null"], "minLength": 5}, ["null", "nulls"], ["None"]),
    "a list or text": (
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        ['["a", "b"]', "a", "12"],
        ["[1]", '["a"', " [", "[]]"],
    ),
    "values": ({"enum": ["1", 1, "a", None]}, ["1", "a", "null"], ["b", "true"]),
    "numbers or text": ({"type": ["string", "number"]}, ["1.5", "12 Main St", "NaN"], []),
}


def call_with(value: str, turn: Turn) -> str:
    """A call whose only argument has a value, as it is."""
    shown = Tool("f", properties(q={"const": "WORD"}))
    lark = forced_calls(turn, Calling([shown], is_parallel=False, is_strict=True)).lark
    return walk(lark, turn.format, random.Random(1)).replace("WORD", value)


@pytest.mark.parametrize("about", BARE)
@pytest.mark.parametrize("family", ["Qwen3-Coder", "openbmb-MiniCPM5-1B", "GLM-4.6", "MiniMax-M2"])
def test_bare_texts_are_held_to_their_schema(family: str, about: str) -> None:
    schema, good, bad = BARE[about]
    tool, turn = Tool("f", properties(q=schema)), turn_of(family)
    lark = forced_calls(turn, Calling([tool], is_parallel=False, is_strict=True)).lark
    for value in good:
        text = call_with(value, turn)
        assert matches(lark, text), value
        (call,) = parse(Reading(turn.format, [tool], turn.opening), [text]).calls
        jsonschema.validate(json.loads(call.arguments), tool.parameters)
    for value in bad:
        assert not matches(lark, call_with(value, turn)), value


@pytest.mark.parametrize(
    "family", ["Qwen3-Coder", "google-gemma-4-31B-it", "MiniMax-M3", "LFM2-8B-A1B"]
)
@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "object", "properties": {}, "required": ["q"]}, "q"),
        (properties(**{"a>b=(c):": {"type": "string"}}), "name that this model can't write"),
        ({"type": "object", "enum": [{"q": 1}]}, "enum"),
        ({"type": "string"}, "no object"),
        ({"type": "object", "properties": {"q": {"type": "strnig"}}}, "strnig"),
        (properties(q={"const": "</parameter>", "enum": [1]}), "no document|enum|const"),
    ],
)
def test_arguments_that_nobody_can_write_are_refused(
    family: str, schema: dict[str, Any], reason: str
) -> None:
    calling = Calling([Tool("f", schema, "/t")], is_parallel=False, is_strict=True)
    with pytest.raises(SchemaRefused, match=f"/t.*({reason})"):
        forced_calls(turn_of(family), calling)


def test_a_value_that_has_the_end_of_values_in_it_is_left_out() -> None:
    turn = turn_of("Qwen3-Coder")
    tool = Tool("f", properties(q={"enum": ["a", "</parameter>", "b"]}))
    lark = forced_calls(turn, Calling([tool], is_parallel=False, is_strict=True)).lark
    assert matches(lark, call_with("a", turn))
    assert not matches(lark, call_with("</parameter>", turn))
    quoting = turn_of("openbmb-MiniCPM5-1B")
    tool = Tool("f", properties(q={"const": "</param>"}))
    lark = forced_calls(quoting, Calling([tool], is_parallel=False, is_strict=True)).lark
    (call,) = parse(
        Reading(quoting.format, [tool], quoting.opening),
        [walk(lark, quoting.format, random.Random(1))],
    ).calls
    assert json.loads(call.arguments) == {"q": "</param>"}


@pytest.mark.parametrize("family", ["Cohere2MoE", "google-gemma-4-31B-it", "openai-gpt-oss-120b"])
def test_no_text_in_a_document_is_markup(family: str) -> None:
    turn = turn_of(family)
    fmt = turn.format
    marks = {fmt.noise[0] if fmt.noise else "<|end|>", fmt.content.end if fmt.content else ""}
    document = json.dumps({"n": 1, "o": [*sorted(marks), "<|channel>thought\n"]})
    lark = answer(turn, json_rule({"const": json.loads(document)})).lark
    text = walk(lark, fmt, random.Random(1))
    for pieces in splits(text, 2):
        message = parse(Reading(fmt, (), turn.opening, is_json=True), pieces)
        assert json.loads(message.content) == json.loads(document)


@pytest.mark.parametrize("family", ["deepseek-ai-DeepSeek-V3.2", "deepseek-ai-DeepSeek-V4"])
def test_calls_may_take_the_place_of_a_document_whatever_space_is_before_them(family: str) -> None:
    turn = turn_of(family)
    lark = forced_calls(turn, Calling(TOOLS[2:], is_parallel=False, is_strict=True)).lark
    text = walk(lark, turn.format, random.Random(3))
    message = parse(Reading(turn.format, TOOLS, turn.opening, is_json=True), [text])
    assert [call.name for call in message.calls] == ["ping"]


def test_white_space_is_bounded() -> None:
    turn = turn_of("Qwen-Qwen2.5-7B-Instruct")
    lark = forced_calls(turn, Calling(TOOLS[2:], is_parallel=True, is_strict=True)).lark
    call = '<tool_call>\n{"name": "ping", "arguments": {}}\n</tool_call>'
    for n_most, frame in [(4, "PAD" + call), (4, f"{call}PAD{call}"), (0, f"{call}PAD")]:
        for n in range(7):
            assert matches(lark, frame.replace("PAD", " " * n)) is (n <= n_most), (n, frame)
    document = answer(turn, json_rule(ANSWER)).lark
    assert matches(document, '{"n": 1}')
    for text in ('{ "n": 1}', '{"n":  1}', '{"n": 1 }', '{"n": 1}\n', '{"n" : 1}'):
        assert not matches(document, text)
