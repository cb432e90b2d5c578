"""Calls of random tools, written by chance under their grammar: each is read back, and is valid.

    python -m tests.chat.sampled [--runs 50] [--first 0] [FAMILY...]

Needs no model; documents of a `response_format` are drawn as well. What is drawn at random
(schemas, texts with markup in them, how they are cut into pieces) comes of a family's name and a
seed, so that a fault can be had again. A run takes some 15 ms, so that
`tests/chat/test_sampled.py` does a few for each family.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace
from enum import Enum
from typing import Any

import jsonschema

from server.chat.formats.markup import texts_of
from server.chat.grammar import OutputGrammar
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
from tests.chat.streams import parse
from tests.chat.streams import splits
from tests.chat.streams import templates_folder
from tests.chat.streams import upstream_template
from tests.chat.walks import EndlessText
from tests.chat.walks import walk

TRICKY = (
    "", " ", "\n", "a", " a", "a ", "\na\n", "null", "true", "True", "12", "-1.5", "1e3", "None",
    "[]", "{}", "[1,", "NaN", '"q"', "'q'", '"', "'", "\\", "\\n", "\\u0041", "a\\", "&lt;",
    "&amp;", "é", "日本", "🎉", "<![CDATA[", "<![CDATA[x]]>", "]]>", " <![CDATA[a", "<", ">", "</",
    '<|"|>', "</param>", "</parameter>", "<tool_call>", "</tool_call>", "<think>", "</think>",
    "a, b=1)", "})", "]", "}", ",", ":",
)  # fmt: skip
"""Texts that mean something to a notation."""
NAMES = (
    "q",
    "city",
    "a",
    "n_1",
    "item",
    "note",
    "type",
    "name",
    "arguments",
    "o",
    "days-left",
    "x.y",
)
VALUES: tuple[Any, ...] = (*TRICKY, 0, 1, -3, 2.5, True, False, None, [1, "a"], {"a": "</param>"})
PATTERNS = ("^[a-z]{2,4}$", "[0-9]-[0-9]", "^<", ">$", "^(?:cat|dog|</q>)$", "^\\s*$", "\\\\", '"')
FORMATS = ("date", "email", "uuid", "ipv4")
ODD: tuple[dict[str, Any], ...] = (
    {"required": ["unheard-of"]},
    {"minProperties": 1},
    {"patternProperties": {"^x": {"type": "integer"}}},
    {"not": {"required": ["q"]}},
    {"allOf": [{"properties": {"q": {"minLength": 2}}}]},
    {"anyOf": [{"required": ["q"]}, {"required": ["city"]}]},
    {"properties": {"a>b": {"type": "string"}, "a=(b)": {"type": "integer"}, "": True, ' "': {}}},
    {"properties": {"a>b": {"type": "string"}}, "required": ["a>b"]},
    {"properties": {"q": {"type": "string", "pattern": "a(?!b)"}}},
    {"properties": {"q": {"type": "array", "uniqueItems": True, "maxItems": 2}}},
    {"properties": {"q": {"type": "array", "prefixItems": [{"type": "integer"}], "items": False}}},
    {"properties": {"q": {"$ref": "#"}}},
)
"""Keywords that only JSON can be held to, or none."""
MAX_DEPTH = 3


def schema_of(chooser: random.Random, depth: int = 0) -> Any:
    """A schema of a value."""
    kinds = [_text, _text, _texts, _number, _enum, _several]
    kinds += [_array, _object, _free] if depth < MAX_DEPTH else []
    return chooser.choice(kinds)(chooser, depth)


def _text(chooser: random.Random, depth: int) -> Any:
    schema: dict[str, Any] = {"type": "string"}
    if chooser.random() < 0.3:
        schema["minLength"] = chooser.randrange(4)
    if chooser.random() < 0.5:
        schema["maxLength"] = chooser.randrange(3, 12)
    return schema


def _texts(chooser: random.Random, depth: int) -> Any:
    which = chooser.randrange(3)
    if which == 0:
        return {"type": "string", "pattern": chooser.choice(PATTERNS), "maxLength": 20}
    if which == 1:
        return {"type": "string", "format": chooser.choice(FORMATS)}
    return {"type": "string", "enum": chooser.sample(TRICKY, chooser.randrange(1, 5))}


def _number(chooser: random.Random, depth: int) -> Any:
    return chooser.choice(
        [
            {"type": "integer"},
            {"type": "number"},
            {"type": "integer", "minimum": -3, "maximum": 14},
            {"type": "number", "exclusiveMinimum": 0, "maximum": 2.5},
            {"type": "integer", "multipleOf": 5, "minimum": 0},
            {"type": "boolean"},
            {"type": "null"},
        ]
    )


def _enum(chooser: random.Random, depth: int) -> Any:
    if chooser.random() < 0.3:
        return {"const": chooser.choice(VALUES)}
    return {"enum": chooser.sample(VALUES, chooser.randrange(1, 5))}


def _several(chooser: random.Random, depth: int) -> Any:
    which = chooser.randrange(3)
    if which == 0:
        types = ["string", "integer", "boolean", "null", "array", "object"]
        schema: dict[str, Any] = {"type": chooser.sample(types, 2)}
        if chooser.random() < 0.5:
            schema["maxLength"] = 5
        if chooser.random() < 0.3:
            schema["minimum"] = 3
        return schema
    if which == 1:
        return {"$ref": "#/$defs/shared"}
    key = chooser.choice(["anyOf", "oneOf"])
    return {key: [schema_of(chooser, depth + 1) for _ in range(2)]}


def _array(chooser: random.Random, depth: int) -> Any:
    schema: dict[str, Any] = {"type": "array"}
    if chooser.random() < 0.8:
        schema["items"] = schema_of(chooser, depth + 1)
    if chooser.random() < 0.3:
        schema["minItems"] = chooser.randrange(3)
    if chooser.random() < 0.7:
        schema["maxItems"] = chooser.randrange(2, 4)
    return schema


def _object(chooser: random.Random, depth: int) -> Any:
    names = chooser.sample(NAMES, chooser.randrange(0, 4))
    schema: dict[str, Any] = {"type": "object"}
    schema["properties"] = {name: schema_of(chooser, depth + 1) for name in names}
    schema["required"] = [name for name in names if chooser.random() < 0.5]
    if chooser.random() < 0.03:
        schema |= chooser.choice(ODD)
    if chooser.random() < 0.2:
        schema["additionalProperties"] = chooser.choice([True, False, {"type": "string"}])
    return schema


def _free(chooser: random.Random, depth: int) -> Any:
    return chooser.choice([{}, True, {"type": "object"}, {"type": "array"}, {"title": "any"}])


def parameters_of(chooser: random.Random) -> dict[str, Any]:
    """The schema of a tool's arguments."""
    schema: dict[str, Any] = _object(chooser, 0)
    schema["$defs"] = {"shared": _text(chooser, 0)}
    return schema


class Mode(Enum):
    """What a request asks for."""

    CALL = "call"
    """tool_choice: required."""
    CALL_AT_WILL = "call at will"
    ANSWER = "answer"
    """response_format, perhaps with tools."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A text that a model could write, and how it is read. schema: of an answer."""

    reading: Reading
    text: str
    mode: Mode
    schema: Any = None
    is_loose: bool = False
    """Whether arguments need not be valid."""


def turn_of(family: str, chooser: random.Random) -> Turn:
    """A turn that a model of the family begins."""
    template = upstream_template(family)
    thinks = chooser.choice([None, True, False])
    request = ChatRequest([{"role": "user", "content": "Hi"}], NOW, enable_thinking=thinks)
    prompt = render(template, request)
    return Turn(template.format, prompt.opening(template.format), thinks is not False)


def sample(family: str, seed: int) -> Sample | None:
    """None if the schemas can't be held to, or if the text has no end."""
    chooser = random.Random(f"{family} {seed}")
    turn = turn_of(family, chooser)
    mode = chooser.choices(list(Mode), [6, 3, 3])[0]
    n_tools = chooser.randrange(mode is not Mode.ANSWER, 3)
    tools = tuple(
        Tool(name, parameters_of(chooser), f"/tools/{i}/function/parameters")
        for i, name in enumerate(("find", "find_all")[:n_tools])
    )
    schema = parameters_of(chooser) if mode is Mode.ANSWER else None
    calling = Calling(tools, chooser.random() < 0.3, is_strict=True)
    is_loose = False
    try:
        grammar = grammar_for(turn, mode, calling, schema)
    except SchemaRefused:
        if mode is not Mode.CALL_AT_WILL:
            return None
        is_loose = True
        grammar = grammar_for(turn, mode, replace(calling, is_strict=False), schema)
    if grammar is None:
        return None
    try:
        text = written_by(grammar.lark, turn, chooser)
    except EndlessText:
        return None
    text = "".join(f"Hm{end}" for end in grammar.after) + text
    reading = Reading(turn.format, tools, turn.opening, is_json=mode is Mode.ANSWER)
    return Sample(reading, text, mode, schema, is_loose)


def grammar_for(turn: Turn, mode: Mode, calling: Calling, schema: Any) -> OutputGrammar | None:
    """What a model may write. SchemaRefused."""
    match mode:
        case Mode.CALL:
            return forced_calls(turn, calling)
        case Mode.CALL_AT_WILL:
            return called_at_will(turn, calling)
        case Mode.ANSWER:
            return answer(turn, json_rule(schema), calling if calling.tools else None)


def written_by(lark: str, turn: Turn, chooser: random.Random) -> str:
    begun = [text[: chooser.randrange(1, len(text) + 1)] for text in sorted(texts_of(turn.format))]
    return walk(lark, turn.format, chooser, 1500, (*TRICKY, *begun), NAMES)


def fault_of(found: Sample, seed: int) -> str:
    """What is wrong with what is read of a text, "" if nothing is."""
    message = parse(found.reading, [found.text])
    for pieces in splits(found.text, 1, seed):
        if parse(found.reading, pieces) != message:
            return f"read otherwise in pieces: {pieces}"
    if found.mode is Mode.CALL and (not message.calls or message.content.strip()):
        return f"no call, or something besides: {message}"
    if found.mode is Mode.ANSWER and not message.calls:
        fault = invalid(message.content, found.schema)
        return f"{message}: {fault}" if fault else ""
    tools = found.reading.tools
    schemas = {t.name: {"type": "object"} if found.is_loose else t.parameters for t in tools}
    for call in message.calls:
        if fault := invalid(call.arguments, schemas[call.name]):
            return f"{call}: {fault}"
    return ""


def invalid(text: str, schema: Any) -> str:
    """What is wrong with a document, "" if nothing is."""
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    validator = jsonschema.Draft202012Validator(schema, format_checker=checker)
    try:
        validator.validate(json.loads(text, parse_constant=refused))
    except (ValueError, jsonschema.ValidationError) as error:
        return str(error)[:300]
    return ""


def refused(word: str) -> None:
    """NaN and the like are no JSON. ValueError."""
    raise ValueError(word)


def faults(family: str, seeds: range) -> Iterator[tuple[int, Sample, str]]:
    """(seed, sample, what is wrong with it)."""
    for seed in seeds:
        found = sample(family, seed)
        if found and (fault := fault_of(found, seed)):
            yield seed, found, fault


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("families", nargs="*")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_intermixed_args()
    stems = sorted(path.stem for path in templates_folder().glob("*.jinja"))
    n_faults = 0
    for family in options.families or stems:
        for seed, found, fault in faults(
            family, range(options.first, options.first + options.runs)
        ):
            n_faults += 1
            print(f"{family} {seed}: {fault}\n    {found.text!r}", flush=True)
            print(f"    {[tool.parameters for tool in found.reading.tools]}", flush=True)
    print(f"{n_faults} faults")


if __name__ == "__main__":
    main()
