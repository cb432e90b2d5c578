"""What llama.cpp's own chat library makes of prompts and raw output, where the vectors are.

They lie outside of the checkout (`../shared/vectors`); without them `test_families.py` and
`test_upstream_templates.py` have cases of the project's own. Where this parser means to differ, the
vectors' README or
`docs/decisions/0007-chat-formats.md` says why.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from server.chat.delta import ParsedMessage
from server.chat.message import parse_messages
from server.chat.prompt import ChatRequest
from server.chat.prompt import Continuation
from server.chat.prompt import render
from server.chat.stream import Reading
from server.chat.template import ChatTemplate
from server.chat.tools import Tool
from tests.chat.recorded import NOW
from tests.chat.streams import as_value
from tests.chat.streams import parse
from tests.chat.streams import splits
from tests.chat.streams import templates_folder
from tests.chat.streams import upstream_template

pytestmark = pytest.mark.upstream

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "chat_parse.json"
CONTINUES = {"content": Continuation.CONTENT, "reasoning_content": Continuation.REASONING}


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    if not VECTORS.exists():
        pytest.skip(f"no {VECTORS.name} beside the checkout; test_families.py has cases of its own")
    loaded: dict[str, Any] = json.loads(VECTORS.read_text(encoding="utf-8"))
    return loaded


def resolved(vectors: dict[str, Any], value: Any) -> Any:
    """{"$": n} stands for pool[n]."""
    if not isinstance(value, dict):
        return value
    if set(value) == {"$"}:
        return vectors["pool"][value["$"]]
    return {key: resolved(vectors, item) for key, item in value.items()}


def cases(vectors: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], Reading]]:
    """(family, case, how it is read) of all that got as far as being parsed."""
    for name, entry in vectors["templates"].items():
        family = name.removesuffix(".jinja")
        contexts = {key: resolved(vectors, item) for key, item in entry["contexts"].items()}
        for case in entry["cases"]:
            if case.get("error", {}).get("stage", "parse") == "parse":
                yield family, case, reading_of(family, contexts[case["ctx"]])


def reading_of(family: str, context: dict[str, Any]) -> Reading:
    request, opening, prefill = context["req"], context["out"]["generation_prompt"], ""
    fmt = upstream_template(family).format
    choice = request.get("tool_choice", "auto")
    may_call = choice != "none" and not (fmt.calls_when_forced_only and choice == "auto")
    if request.get("continue_final_message") == "content":
        prefill = request["messages"][-1]["content"]
        opening = opening.removesuffix(prefill)
    tools = [tool["function"] for tool in request.get("tools", ())]
    return Reading(
        fmt,
        tuple(Tool(tool["name"], tool["parameters"]) for tool in tools) if may_call else (),
        opening,
        prefill,
        request.get("reasoning_format") != "none",
        bool(request.get("json_schema")),
    )


def meaning(message: ParsedMessage) -> tuple[Any, ...]:
    calls = [(call.name, as_value(call.arguments)) for call in message.calls]
    return (message.reasoning.strip(), message.content.strip(), calls)


def expected(parsed: dict[str, Any]) -> tuple[Any, ...]:
    calls = [(call["name"], as_value(call["arguments"])) for call in parsed.get("tool_calls", ())]
    reasoning, content = parsed.get("reasoning_content", ""), parsed.get("content", "")
    return (reasoning.strip(), content.strip(), calls)


def test_turns_mean_what_they_mean_to_the_reference(vectors: dict[str, Any]) -> None:
    n, same, different = Counter[str](), Counter[str](), []
    for family, case, reading in cases(vectors):
        message = parse(reading, [case["raw"]])
        if "error" in case:
            continue
        is_same = meaning(message) == expected(case["parsed"])
        for kind in ("all", "as meant")[: 1 + bool(case.get("as_meant"))]:
            n[kind] += 1
            same[kind] += is_same
        if case.get("as_meant") and not is_same:
            different.append(f"{family} {case['id']}")
    assert n["as meant"] > 1000
    assert different == READ_DIFFERENTLY
    assert same["all"] >= 0.9 * n["all"] > 2000


READ_DIFFERENTLY = [
    # a document in a fence is the document, where a schema was asked for; see decision 0007
    "GigaChat3-10B-A1.8B k_schema_fenced/schema",
    "Kimi-K2-Instruct k_schema_fenced/schema_nothink",
    "Kimi-K2-Thinking k_schema_fenced/schema_nothink",
    "meetkai-functionary-medium-v3.2 k_schema_fenced/schema",
    "moonshotai-Kimi-K2 k_schema_fenced/schema_nothink",
]


def test_no_text_is_lost_where_the_reference_gives_an_error(vectors: dict[str, Any]) -> None:
    n = 0
    for family, case, reading in cases(vectors):
        if "error" not in case:
            continue
        n += 1
        message = parse(reading, [case["raw"]])
        calls = [f"{call.id} {call.name} {call.arguments}" for call in message.calls]
        kept = words(" ".join([message.content, message.reasoning, *calls]))
        # but for tags, whole or not, and ids after arguments, which are replaced
        markup = " ".join(words(repr(reading.format)) | {"json", "call00001", "call00002"})
        lost = {word for word in words(case["raw"]) - kept if word not in markup}
        assert not lost, (family, case["id"], case["raw"])
    assert n > 300


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def test_turns_mean_the_same_however_they_arrive(vectors: dict[str, Any]) -> None:
    for i, (_, case, reading) in enumerate(cases(vectors)):
        if i % 3:
            continue
        whole = parse(reading, [case["raw"]])
        for pieces in splits(case["raw"], 1, seed=i):
            assert parse(reading, pieces) == whole, (case["id"], pieces)


def test_turns_may_break_off_anywhere(vectors: dict[str, Any]) -> None:
    for i, (_, case, reading) in enumerate(cases(vectors)):
        for n in range(i % 23, len(case["raw"]), 23):
            parse(reading, [case["raw"][:n]])


@cache
def template_of(family: str, bos_token: str, eos_token: str) -> ChatTemplate:
    source = (templates_folder() / f"{family}.jinja").read_text(encoding="utf-8")
    return ChatTemplate(source, bos_token=bos_token, eos_token=eos_token)


def test_prompts_are_the_reference_s(vectors: dict[str, Any]) -> None:
    n, different = 0, []
    for name, entry in vectors["templates"].items():
        template = template_of(name.removesuffix(".jinja"), entry["bos_token"], entry["eos_token"])
        for key, item in entry["contexts"].items():
            context = resolved(vectors, item)
            if "prompt" not in context["out"]:
                continue
            n += 1
            if prompt_of(template, context["req"]) != context["out"]["prompt"]:
                different.append(f"{name} {key}")
    assert n > 600
    assert different == DIFFERENT


DIFFERENT = [
    # the reference ends thoughts as Qwen3-Coder does; the template has one line break less
    "StepFun3.5-Flash.jinja cont_content",
    "StepFun3.5-Flash.jinja cont_content_think",
]


def prompt_of(template: ChatTemplate, request: dict[str, Any]) -> str:
    return render(
        template,
        ChatRequest(
            parse_messages(request),
            NOW,
            tools=request.get("tools") or (),
            add_generation_prompt=request.get("add_generation_prompt", True),
            continues=CONTINUES.get(request.get("continue_final_message", ""), Continuation.NONE),
            enable_thinking=request.get("enable_thinking"),
            kwargs=request.get("chat_template_kwargs") or {},
            schema=request.get("json_schema"),
        ),
    ).text
