"""`/v1/messages` and `/v1/messages/count_tokens`."""

from __future__ import annotations

from typing import Any

from tests.compat.cases.making import HELLO
from tests.compat.cases.making import dialect
from tests.compat.cases.making import raw
from tests.compat.exchange import Case

PATH = "/v1/messages"
COUNTS = f"{PATH}/count_tokens"
TOOL: dict[str, Any] = {
    "name": "f",
    "description": "d",
    "input_schema": {"type": "object", "properties": {"x": {"type": "integer"}}},
}
SERVED = {"type": "web_search_20250305", "name": "web_search"}
USE = {"type": "tool_use", "id": "1", "name": "f", "input": {"x": 1}}
RESULT = {"type": "tool_result", "tool_use_id": "1", "content": "42"}
PIXEL = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
BILLING = "x-anthropic-billing-header: cc_version=2.1.101.e51; cc_entrypoint=cli; cch=a5145;"


def ask(name: str, **fields: Any) -> Case:
    """A small conversation; a field that is ... is left out."""
    return dialect(f"messages-{name}", PATH, {"messages": HELLO, "max_tokens": 3}, fields)


def count(name: str, **fields: Any) -> Case:
    """The same, to be counted."""
    return dialect(f"count-{name}", COUNTS, {"messages": HELLO}, fields)


def text(text: str, **fields: Any) -> dict[str, Any]:
    """A block of text."""
    return {"type": "text", "text": text, **fields}


def user(*blocks: object) -> list[dict[str, Any]]:
    """A conversation of one turn."""
    return [{"role": "user", "content": [*blocks]}]


def called(*results: object, uses: tuple[object, ...] = (USE,)) -> list[dict[str, Any]]:
    """A conversation in which a tool was called."""
    turns = [*HELLO, {"role": "assistant", "content": [*uses]}]
    return [*turns, {"role": "user", "content": [*results]}]


ANSWERS = (
    ask("plain"),
    ask("streamed", stream=True),
    ask("model-name", model="claude-any"),
    ask("without-max-tokens", max_tokens=..., stop_sequences=["a", "e", "o", "]", "U", " "]),
    ask("no-tokens", max_tokens=0),
    ask("stop-sequence", stop_sequences=["]"]),
    ask("stop-sequence-streamed", stop_sequences=["]"], stream=True),
    ask("stop-sequence-not-met", stop_sequences=["zzz"]),
    ask("top-k-and-p", top_k=1, top_p=0.9),
    ask("metadata", metadata={"user_id": "ann"}),
    ask("service-tier", service_tier="auto"),
    ask("unknown-field", context_management={"edits": []}, speed="fast"),
    ask("tools", tools=[TOOL], tool_choice={"type": "auto"}),
    ask("no-tools", tools=[]),
    ask("tool-choice-without-tools", tool_choice={"type": "auto"}),
    ask("thinking-enabled", thinking={"type": "enabled", "budget_tokens": 1024}),
    ask("thinking-disabled", thinking={"type": "disabled"}),
    ask("thinking-adaptive", thinking={"type": "adaptive"}),
    ask("template-kwargs", chat_template_kwargs={"a": 1}),
    ask("begun", messages=[*HELLO, {"role": "assistant", "content": "On"}]),
)

REFUSALS = (
    ask("without-messages", messages=...),
    ask("null-messages", messages=None),
    ask("empty-messages", messages=[]),
    ask("text-messages", messages="Hello"),
    ask("number-message", messages=[1]),
    ask("no-role", messages=[{"content": "Hello"}]),
    ask("unknown-role", messages=[{"role": "narrator", "content": "Hello"}]),
    ask("no-content", messages=[{"role": "user"}]),
    ask("number-content", messages=[{"role": "user", "content": 5}]),
    ask("image", messages=user({"type": "image", "source": PIXEL})),
    ask(
        "image-in-a-result",
        messages=called({**RESULT, "content": [{"type": "image", "source": PIXEL}]}),
    ),
    ask("unknown-block", messages=user({"type": "video"})),
    ask("block-without-type", messages=user({"text": "x"})),
    ask("number-block", messages=user(5)),
    ask("too-long", messages=[{"role": "user", "content": "Hello there. " * 120}]),
    ask("max-tokens-of-text", max_tokens="many"),
    ask("temperature-of-text", temperature="hot"),
    ask("top-k-of-text", top_k="many"),
    ask("stream-of-text", stream="yes"),
    ask("stop-sequences-of-text", stop_sequences="a"),
    ask("stop-sequences-of-numbers", stop_sequences=[5]),
    ask("tools-of-text", tools="f"),
    ask("tools-of-numbers", tools=[5]),
    ask("tool-without-name", tools=[{"input_schema": {}}]),
    ask("tool-choice-of-text", tools=[TOOL], tool_choice="auto"),
    ask("tool-choice-unknown", tools=[TOOL], tool_choice={"type": "some"}),
    ask("any-tool-of-none", tool_choice={"type": "any"}),
    ask("system-of-a-number", system=5),
    ask("thinking-of-text", thinking="on"),
    ask("metadata-of-a-number", metadata=5),
    ask("template-kwargs-of-text", chat_template_kwargs="a"),
    raw("messages-no-json", PATH, b"{"),
    raw("messages-of-an-array", PATH, b"[1]"),
)

COUNTED = (
    count("plain"),
    count("max-tokens", max_tokens=3),
    count("system", system="Be brief."),
    count(
        "system-blocks", system=[text("Be "), text("brief.", cache_control={"type": "ephemeral"})]
    ),
    count("billing", system=[text(BILLING), text("Be brief.")]),
    count("billing-in-one", system=BILLING + "Be brief."),
    count("blocks", messages=user(text("Hello"), text("there"))),
    count("called", messages=called(RESULT)),
    count("result-in-blocks", messages=called({**RESULT, "content": [text("4"), text("2")]})),
    count("empty-result", messages=called({"type": "tool_result", "tool_use_id": "1"})),
    count("result-and-text", messages=called(RESULT, text("And?"))),
    count("text-and-result", messages=called(text("And?"), RESULT)),
    count(
        "thoughts",
        messages=called(
            RESULT, uses=({"type": "thinking", "thinking": "Hm.", "signature": "x"}, USE)
        ),
    ),
    count(
        "sealed-thoughts",
        messages=called(RESULT, uses=({"type": "redacted_thinking", "data": "x"}, USE)),
    ),
    count("two-users", messages=[*HELLO, *HELLO]),
    count("tools", tools=[TOOL]),
    count("tools-of-servers", tools=[SERVED, TOOL]),
    count("long", messages=[{"role": "user", "content": "Hello there. " * 120}]),
    count("without-messages", messages=...),
    count("text-messages", messages="Hello"),
    count("empty-messages", messages=[]),
    count("image", messages=user({"type": "image", "source": PIXEL})),
    raw("count-no-json", COUNTS, b""),
)

CASES = ANSWERS + REFUSALS + COUNTED
