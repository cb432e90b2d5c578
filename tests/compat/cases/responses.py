"""`/v1/responses` and `/v1/responses/input_tokens`."""

from __future__ import annotations

from typing import Any

from tests.compat.cases.making import dialect
from tests.compat.cases.making import raw
from tests.compat.exchange import Case

PATH = "/v1/responses"
COUNTS = f"{PATH}/input_tokens"
PARAMETERS = {"type": "object", "properties": {"x": {"type": "integer"}}}
TOOL: dict[str, Any] = {"type": "function", "name": "f", "parameters": PARAMETERS}
CALL = {"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"x": 1}'}
OUTPUT = {"type": "function_call_output", "call_id": "1", "output": "42"}
THOUGHTS = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [],
    "content": [{"type": "reasoning_text", "text": "Hm."}],
}
SHAPE = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}


def ask(name: str, **fields: Any) -> Case:
    """A small response; a field that is ... is left out."""
    return dialect(f"responses-{name}", PATH, {"input": "Hello", "max_output_tokens": 3}, fields)


def count(name: str, **fields: Any) -> Case:
    """The same, to be counted."""
    return dialect(f"responses-count-{name}", COUNTS, {"input": "Hello"}, fields)


def part(**fields: Any) -> list[dict[str, Any]]:
    """An input of one message of one part."""
    return [{"role": "user", "content": [fields]}]


def said(text: str) -> dict[str, Any]:
    """What an assistant said, as its item."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": content,
    }


ASKED = {"role": "user", "content": "Hello"}

ANSWERS = (
    ask("plain"),
    ask("streamed", stream=True),
    dialect(
        "responses-by-another-path", "/responses", {"input": "Hello"}, {"max_output_tokens": 3}
    ),
    ask("model-name", model="gpt-any"),
    ask("items", input=[ASKED]),
    ask("instructions", instructions="Be brief."),
    ask("not-stored", store=False, include=["reasoning.encrypted_content"]),
    ask("stored", store=True, metadata={"a": "b"}),
    ask("effort", reasoning={"effort": "low", "summary": "auto"}),
    ask("truncation", truncation="auto"),
    ask("tools", tools=[TOOL], tool_choice="auto", parallel_tool_calls=False),
    ask("tools-of-servers", tools=[{"type": "web_search"}, {"type": "local_shell"}]),
    ask("no-tools", tools=[]),
    ask("text-format", text={"format": {"type": "text"}, "verbosity": "low"}),
    ask("unknown-field", client_metadata={"a": "b"}, prompt_cache_key="k"),
    ask("top-k", top_k=1),
    ask("logprobs-not-included", top_logprobs=2),
)

REFUSALS = (
    ask("without-input", input=...),
    ask("null-input", input=None),
    ask("number-input", input=5),
    ask("empty-input", input=[]),
    ask("number-item", input=[5]),
    ask("empty-item", input=[{}]),
    ask("unknown-item", input=[{"type": "sound"}]),
    ask("unknown-role", input=[{"role": "king", "content": "x"}]),
    ask("no-content", input=[{"role": "user"}]),
    ask("number-content", input=[{"role": "user", "content": 5}]),
    ask("unknown-part", input=part(type="sound")),
    ask("part-without-text", input=part(type="input_text")),
    ask(
        "image-part", input=part(type="input_image", image_url="data:image/png;base64,iVBORw0KGgo=")
    ),
    ask("image-part-without-url", input=part(type="input_image")),
    ask("file-part", input=part(type="input_file", file_id="f")),
    ask("call-without-arguments", input=[ASKED, {**CALL, "arguments": None}]),
    ask("output-without-call", input=[ASKED, {**OUTPUT, "call_id": None}]),
    ask("number-output", input=[ASKED, CALL, {**OUTPUT, "output": 5}]),
    ask("thoughts-without-content", input=[ASKED, {**THOUGHTS, "content": []}, ASKED]),
    ask("reference", input=[{"type": "item_reference", "id": "msg_no"}]),
    ask("previous", previous_response_id="resp_no"),
    ask("max-output-tokens-of-text", max_output_tokens="many"),
    ask("temperature-of-text", temperature="hot"),
    ask("stream-of-text", stream="yes"),
    ask("tools-of-text", tools="f"),
    ask("tool-without-name", tools=[{"type": "function"}]),
    ask("tool-choice-unknown", tools=[TOOL], tool_choice="some"),
    ask("required-of-no-tools", tool_choice="required"),
    ask("format-unknown", text={"format": {"type": "xml"}}),
    ask("effort-of-a-number", reasoning={"effort": 5}),
    ask("reasoning-of-text", reasoning="low"),
    ask("too-long", input="Hello there. " * 120),
    raw("responses-no-json", PATH, b"{"),
    raw("responses-of-an-array", PATH, b"[1]"),
)

COUNTED = (
    count("plain"),
    count("instructions", instructions="Be brief."),
    count("items", input=[ASKED, said("On"), ASKED]),
    count(
        "two-parts",
        input=[
            {
                "role": "user",
                "content": [{"type": "input_text", "text": t} for t in ("Hello", "there")],
            }
        ],
    ),
    count("developer", input=[{"role": "developer", "content": "Be brief."}, ASKED]),
    count("called", input=[ASKED, CALL, OUTPUT]),
    count(
        "output-in-parts",
        input=[ASKED, CALL, {**OUTPUT, "output": [{"type": "input_text", "text": "42"}]}],
    ),
    count("thoughts", input=[ASKED, THOUGHTS, said("On"), ASKED]),
    count("tools", tools=[TOOL]),
    count("format", text={"format": SHAPE}),
    count("long", input="Hello there. " * 120),
    count("without-input", input=...),
    count("number-input", input=5),
    count("empty-input", input=[]),
    raw("responses-count-no-json", COUNTS, b""),
)

CASES = ANSWERS + REFUSALS + COUNTED
