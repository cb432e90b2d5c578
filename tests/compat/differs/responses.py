"""Where `/v1/responses` differs."""

from __future__ import annotations

from tests.compat.differs.row import MESSAGE
from tests.compat.differs.row import Differs

WHOLE = (
    "responses",
    "responses-plain",
    "responses-by-another-path",
    "responses-model-name",
    "responses-items",
    "responses-instructions",
    "responses-not-stored",
    "responses-stored",
    "responses-effort",
    "responses-truncation",
    "responses-tools",
    "responses-tools-of-servers",
    "responses-no-tools",
    "responses-text-format",
    "responses-unknown-field",
    "responses-top-k",
    "responses-empty-input",
)
"""Cases with an answer that is not streamed."""

WRONG = (
    "responses-null-input",
    "responses-number-input",
    "responses-number-item",
    "responses-empty-item",
    "responses-unknown-item",
    "responses-unknown-role",
    "responses-no-content",
    "responses-number-content",
    "responses-unknown-part",
    "responses-part-without-text",
    "responses-image-part-without-url",
    "responses-file-part",
    "responses-call-without-arguments",
    "responses-output-without-call",
    "responses-number-output",
    "responses-reference",
    "responses-max-output-tokens-of-text",
    "responses-tools-of-text",
    "responses-tool-choice-unknown",
    "responses-of-an-array",
    "responses-count-number-input",
)
"""Cases whose answer names another field at fault, in other words."""

REQUIRED = (
    *("background", "error", "instructions", "max_output_tokens", "max_tool_calls", "metadata"),
    *("parallel_tool_calls", "previous_response_id", "prompt_cache_key", "reasoning"),
    *("safety_identifier", "service_tier", "store", "temperature", "text", "tool_choice", "tools"),
    *("top_logprobs", "top_p", "truncation", "user"),
)
"""What OpenAI's type of a response has besides."""

RESPONSES = (
    Differs(
        "decision 0008: a response says all that OpenAI's type requires",
        WHOLE,
        (
            *(f"body.{name}" for name in REQUIRED),
            *("body.timings", "body.usage.output_tokens_details"),
            "body.usage.input_tokens_details.cache_write_tokens",
        ),
    ),
    Differs(
        "decision 0008: a response says that it was cut off",
        WHOLE,
        (
            *("body.completed_at", "body.status", "body.output.0.status"),
            "body.incomplete_details",
        ),
    ),
    Differs(
        "decision 0008: events have numbers and indexes, and the whole response",
        ("responses-streamed",),
        (
            "events.*.sequence_number",
            "events.*.output_index",
            "events.*.content_index",
            "events.*.logprobs",
            "events.*.part.annotations",
            "events.*.part.logprobs",
            "events.*.response.output",
            "events.*.response.model",
            "events.*.response.created_at",
            "events.*.response.completed_at",
            "events.*.response.incomplete_details",
            "events.*.response.usage",
            "events.*.response.usage.*",
            *(f"events.*.response.{name}" for name in REQUIRED),
        ),
    ),
    Differs(
        "decision 0008: a response says that it was cut off",
        ("responses-streamed",),
        (
            *("events.*.type", "events.*.response.status", "events.*.item.status"),
            *("events.*.response.output.0.status", "events.20"),
        ),
    ),
    Differs(
        "decision 0001: the prefix of any request is shared, however short",
        ("responses",),
        ("body.usage.input_tokens_details.cached_tokens",),
    ),
    Differs(
        "decision 0008: errors name the field at fault",
        (
            *WRONG,
            "responses-without-input",
            "responses-previous",
            "responses-temperature-of-text",
            "responses-stream-of-text",
            "responses-too-long",
            "responses-count-without-input",
        ),
        ("body.error.param",),
    ),
    Differs(
        "decision 0003: says which field of the dialect is wrong, and what was got",
        WRONG,
        MESSAGE,
    ),
    Differs(
        "decision 0008: probabilities are asked for by `include`",
        ("responses-logprobs-not-included",),
    ),
    Differs(
        "decision 0008: conversations are kept, and gone on with",
        ("responses-previous",),
        MESSAGE,
    ),
    Differs(
        "decision 0008: thoughts may come back sealed, or not at all",
        ("responses-thoughts-without-content",),
    ),
    Differs(
        "decision 0003: the client's fault is no 500",
        (
            "responses-image-part",
            "responses-tool-without-name",
            "responses-no-json",
            "responses-count-no-json",
        ),
    ),
    Differs(
        "decision 0003: a constraint of a wrong type is not ignored",
        (
            "responses-required-of-no-tools",
            "responses-format-unknown",
            "responses-effort-of-a-number",
            "responses-reasoning-of-text",
        ),
    ),
)
