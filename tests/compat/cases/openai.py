"""`/v1/completions` and `/v1/chat/completions`."""

from __future__ import annotations

from typing import Any

from tests.compat.cases.making import HELLO
from tests.compat.cases.making import chat
from tests.compat.cases.making import legacy
from tests.compat.cases.making import post

IMAGE = "data:image/png;base64,iVBORw0KGgo="
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "f", "description": "d", "parameters": {"type": "object"}},
}
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": "And now?"},
]


def text_parts(*texts: str) -> list[dict[str, Any]]:
    """A user's message in parts."""
    return [{"role": "user", "content": [{"type": "text", "text": text} for text in texts]}]


def part(value: object) -> list[dict[str, Any]]:
    """A user's message of one part."""
    return [{"role": "user", "content": [value]}]


COMPLETIONS = (
    legacy("legacy-plain"),
    legacy("legacy-streamed", stream=True),
    legacy("legacy-streamed-with-usage", stream=True, stream_options={"include_usage": True}),
    legacy("legacy-model-name", model="another"),
    legacy("legacy-logprobs", logprobs=2),
    legacy("legacy-logprobs-streamed", logprobs=2, stream=True),
    legacy("legacy-logprobs-true", logprobs=True),
    legacy("legacy-n-2", n=2, temperature=1.0),
    legacy("legacy-n-2-streamed", n=2, temperature=1.0, max_tokens=2, stream=True),
    legacy("legacy-batch", prompt=["Hello", "Once"]),
    legacy("legacy-batch-streamed", prompt=["Hello", "Once"], max_tokens=2, stream=True),
    legacy("legacy-token-prompt", prompt=[1, 300, 301]),
    legacy("legacy-echo", echo=True),
    legacy("legacy-suffix", suffix="end"),
    legacy("legacy-best-of", best_of=2),
    legacy("legacy-stop", logit_bias=[["a", 100]], stop="aaa"),
    legacy("legacy-max-tokens-0", max_tokens=0),
    legacy("legacy-max-tokens-null", max_tokens=None, n_predict=3),
    legacy("legacy-timings-per-token-streamed", timings_per_token=True, stream=True),
    legacy("legacy-return-progress-streamed", return_progress=True, stream=True),
    legacy("legacy-verbose", verbose=True),
    legacy("legacy-verbose-streamed", verbose=True, max_tokens=2, stream=True),
    legacy("legacy-ends-by-itself", logit_bias={"2": 100}),
    legacy("legacy-response-fields", response_fields=["choices"]),
    legacy("legacy-return-tokens", return_tokens=True),
    legacy("legacy-without-prompt", prompt=...),
    legacy("legacy-prompt-null", prompt=None),
    legacy("legacy-empty-prompt", prompt=""),
    legacy("legacy-response-format", response_format={"type": "json_object"}),
)

MESSAGES = (
    chat("chat-plain"),
    chat("chat-turns", messages=TURNS),
    chat("chat-text-parts", messages=text_parts("Hello")),
    chat("chat-several-text-parts", messages=text_parts("Hello", "there")),
    chat("chat-empty-parts", messages=[{"role": "user", "content": []}]),
    chat("chat-empty-content", messages=[{"role": "user", "content": ""}]),
    chat("chat-null-content", messages=[{"role": "user", "content": None}]),
    chat("chat-no-content", messages=[{"role": "user"}]),
    chat("chat-number-content", messages=[{"role": "user", "content": 5}]),
    chat("chat-object-content", messages=[{"role": "user", "content": {"text": "x"}}]),
    chat("chat-no-role", messages=[{"content": "Hello"}]),
    chat("chat-null-role", messages=[{"role": None, "content": "Hello"}]),
    chat("chat-number-role", messages=[{"role": 5, "content": "Hello"}]),
    chat("chat-unknown-role", messages=[{"role": "narrator", "content": "Hello"}]),
    chat("chat-no-messages", messages=...),
    chat("chat-null-messages", messages=None),
    chat("chat-empty-messages", messages=[]),
    chat("chat-text-messages", messages="Hello"),
    chat("chat-number-message", messages=[1]),
    chat("chat-null-message", messages=[None]),
    chat("chat-only-system", messages=[{"role": "system", "content": "Be brief."}]),
    chat("chat-image-part", messages=part({"type": "image_url", "image_url": {"url": IMAGE}})),
    chat(
        "chat-audio-part",
        messages=part({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}),
    ),
    chat("chat-unknown-part", messages=part({"type": "nonsense", "text": "x"})),
    chat("chat-part-without-type", messages=part({"text": "x"})),
    chat("chat-part-without-text", messages=part({"type": "text"})),
    chat("chat-part-of-a-number", messages=part(5)),
    chat("chat-name-of-a-user", messages=[{"role": "user", "content": "Hi", "name": "Ann"}]),
    chat(
        "chat-tool-result",
        messages=[*HELLO, {"role": "tool", "content": "42", "tool_call_id": "1"}],
    ),
    chat(
        "chat-tool-call-in-history",
        messages=[*HELLO, {"role": "assistant", "content": None, "tool_calls": [CALL]}, *HELLO],
    ),
    chat("chat-too-long", messages=[{"role": "user", "content": "Hello there. " * 60}]),
)

PREFILL = (
    chat("chat-prefill", messages=[*HELLO, {"role": "assistant", "content": "On"}]),
    chat(
        "chat-prefill-streamed",
        messages=[*HELLO, {"role": "assistant", "content": "On"}],
        stream=True,
    ),
    chat(
        "chat-prefill-in-parts",
        messages=[
            *HELLO,
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "On"}, {"type": "text", "text": "ce"}],
            },
        ],
    ),
    chat("chat-prefill-empty", messages=[*HELLO, {"role": "assistant", "content": ""}]),
    chat(
        "chat-two-assistants-last", messages=[*HELLO, *[{"role": "assistant", "content": "A"}] * 2]
    ),
    chat(
        "chat-continue-final-message",
        messages=[*HELLO, {"role": "assistant", "content": "On"}],
        continue_final_message=True,
        add_generation_prompt=False,
    ),
    chat(
        "chat-continue-final-message-streamed",
        messages=[*HELLO, {"role": "assistant", "content": "On"}],
        continue_final_message=True,
        add_generation_prompt=False,
        stream=True,
    ),
    chat(
        "chat-continue-and-generation-prompt",
        messages=[*HELLO, {"role": "assistant", "content": "On"}],
        continue_final_message=True,
        add_generation_prompt=True,
    ),
    chat("chat-without-generation-prompt", add_generation_prompt=False),
    chat("chat-generation-prompt-of-wrong-type", add_generation_prompt="yes"),
)

OUTPUT = (
    chat("chat-streamed", stream=True),
    chat("chat-streamed-with-usage", stream=True, stream_options={"include_usage": True}),
    chat("chat-streamed-without-usage", stream=True, stream_options={"include_usage": False}),
    chat("chat-usage-asked-without-stream", stream_options={"include_usage": True}),
    chat("chat-stream-options-null", stream=True, stream_options=None),
    chat("chat-stream-options-of-wrong-type", stream=True, stream_options=5),
    chat("chat-include-usage-of-wrong-type", stream=True, stream_options={"include_usage": "yes"}),
    chat("chat-model-name", model="another"),
    chat("chat-n-2", n=2, temperature=1.0),
    chat("chat-n-2-streamed", n=2, temperature=1.0, max_tokens=2, stream=True),
    chat("chat-n-0", n=0),
    chat("chat-n-beyond-slots", n=5),
    chat("chat-logprobs", logprobs=True),
    chat("chat-top-logprobs", logprobs=True, top_logprobs=2),
    chat("chat-top-logprobs-0", logprobs=True, top_logprobs=0),
    chat("chat-top-logprobs-without-logprobs", top_logprobs=2),
    chat("chat-top-logprobs-of-wrong-type", logprobs=True, top_logprobs="x"),
    chat("chat-logprobs-false", logprobs=False),
    chat("chat-logprobs-streamed", logprobs=True, top_logprobs=2, stream=True),
    chat("chat-n-probs", n_probs=2),
    chat("chat-max-completion-tokens", max_tokens=..., max_completion_tokens=3),
    chat("chat-max-tokens-0", max_tokens=0),
    chat("chat-max-tokens-0-streamed", max_tokens=0, stream=True),
    chat("chat-stop", logit_bias=[["a", 100]], stop="aaa"),
    chat("chat-stop-list-streamed", logit_bias=[["a", 100]], stop=["aaa", "b"], stream=True),
    chat("chat-stop-at-once-streamed", logit_bias=[["a", 100]], stop=["a"], stream=True),
    chat("chat-ends-by-itself", logit_bias={"2": 100}),
    chat("chat-ends-by-itself-streamed", logit_bias={"2": 100}, stream=True),
    chat("chat-timings-per-token-streamed", timings_per_token=True, stream=True),
    chat("chat-return-progress-streamed", return_progress=True, stream=True),
    chat("chat-verbose", verbose=True),
    chat("chat-verbose-streamed", verbose=True, max_tokens=2, stream=True),
    chat("chat-response-fields", response_fields=["choices"]),
    chat("chat-seeded", seed=42, temperature=0.8),
    chat("chat-penalties", frequency_penalty=0.5, presence_penalty=0.5),
    chat("chat-user-and-metadata", user="ann", metadata={"a": "b"}, store=False),
    chat("chat-grammar", grammar='root ::= "yes" | "no"'),
    chat("chat-half-a-character-streamed", logit_bias=[[3 + 0xE4, 100]], stream=True),
    chat("chat-id-slot", id_slot=1),
    chat("chat-with-a-prompt", prompt="Hello"),
    post(
        "chat-by-another-path",
        "/chat/completions",
        {"messages": HELLO, "max_tokens": 2, "temperature": 0},
    ),
)

TEMPLATE = (
    chat("chat-tools-empty", tools=[]),
    chat("chat-tools", tools=[TOOL]),
    chat("chat-tools-of-wrong-type", tools="x"),
    chat("chat-tools-without-function", tools=[{"type": "function"}]),
    chat("chat-tools-not-to-be-called", tools=[TOOL], tool_choice="none"),
    chat("chat-tool-choice-auto", tool_choice="auto"),
    chat("chat-tool-choice-unknown", tools=[TOOL], tool_choice="nonsense"),
    chat("chat-tool-choice-required-without-tools", tool_choice="required"),
    chat("chat-parallel-tool-calls", parallel_tool_calls=True),
    chat("chat-functions", functions=[]),
    chat("chat-response-format-text", response_format={"type": "text"}),
    chat("chat-response-format-json", response_format={"type": "json_object"}),
    chat(
        "chat-response-format-schema",
        response_format={"type": "json_schema", "json_schema": {"schema": {"type": "boolean"}}},
    ),
    chat("chat-response-format-unknown", response_format={"type": "nonsense"}),
    chat("chat-response-format-empty", response_format={}),
    chat("chat-response-format-of-wrong-type", response_format="json"),
    chat("chat-schema-and-grammar", json_schema={"type": "boolean"}, grammar='root ::= "a"'),
    chat("chat-template-kwargs", chat_template_kwargs={"a": 1}),
    chat("chat-template-kwargs-of-wrong-type", chat_template_kwargs=5),
    chat("chat-enable-thinking-of-wrong-type", chat_template_kwargs={"enable_thinking": "yes"}),
    chat("chat-thinking-disabled", chat_template_kwargs={"enable_thinking": False}),
    chat("chat-reasoning-format-none", reasoning_format="none"),
    chat("chat-reasoning-format-deepseek", reasoning_format="deepseek"),
    chat("chat-reasoning-format-deepseek-legacy", reasoning_format="deepseek-legacy", stream=True),
    chat("chat-reasoning-format-unknown", reasoning_format="nonsense"),
    chat("chat-reasoning-effort", reasoning_effort="low"),
    chat("chat-reasoning-effort-none", reasoning_effort="none"),
    chat("chat-parse-tool-calls", parse_tool_calls=True),
)

CASES = COMPLETIONS + MESSAGES + PREFILL + OUTPUT + TEMPLATE
