"""Where `/v1/messages` differs."""

from __future__ import annotations

from tests.compat.differs.row import MESSAGE
from tests.compat.differs.row import Differs

MESSAGES = (
    Differs(
        "decision 0001: ids and usage as Anthropic has them",
        (
            "messages",
            "messages-plain",
            "messages-model-name",
            "messages-without-max-tokens",
            "messages-no-tokens",
            "messages-stop-sequence",
            "messages-stop-sequence-not-met",
            "messages-top-k-and-p",
            "messages-metadata",
            "messages-service-tier",
            "messages-unknown-field",
            "messages-tools",
            "messages-no-tools",
            "messages-tool-choice-without-tools",
            "messages-thinking-enabled",
            "messages-thinking-disabled",
            "messages-thinking-adaptive",
            "messages-template-kwargs",
            "messages-begun",
        ),
        ("body.id", "body.usage.cache_creation_input_tokens"),
    ),
    Differs(
        "decision 0001: a stop sequence is the reason where one was met",
        ("messages-stop-sequence", "messages-without-max-tokens"),
        ("body.stop_reason",),
    ),
    Differs(
        "decision 0001: no tokens are none",
        ("messages-no-tokens",),
        ("body.content", "body.usage.output_tokens"),
    ),
    Differs(
        "decision 0001: what the client began is not shown again",
        ("messages-begun",),
        ("body.content.0.text",),
    ),
    Differs(
        "decision 0001: a ping follows the start, and the last usage is whole",
        ("messages-streamed", "messages-stop-sequence-streamed"),
        ("events", "events.*"),
    ),
    Differs(
        "decision 0001: neighbours of one role are one turn",
        ("count-two-users",),
        ("body.input_tokens",),
    ),
    Differs(
        "decision 0001: errors as Anthropic has them",
        (
            "messages-number-message",
            "messages-no-content",
            "messages-number-content",
            "messages-too-long",
            "messages-max-tokens-of-text",
            "messages-temperature-of-text",
            "messages-top-k-of-text",
            "messages-stream-of-text",
            "messages-stop-sequences-of-numbers",
        ),
        ("body.type", "body.request_id", "body.error.code"),
    ),
    Differs(
        "decision 0003: says which field of the dialect is wrong, and what was got",
        (
            "messages-number-message",
            "messages-no-content",
            "messages-number-content",
            "messages-max-tokens-of-text",
            "messages-stop-sequences-of-numbers",
        ),
        MESSAGE,
    ),
    Differs(
        "decision 0001: a prompt that is too long is said to be in words that agents look for",
        ("messages-too-long",),
        (*MESSAGE, "body.error.type", "body.error.n_prompt_tokens", "body.error.n_ctx"),
    ),
    Differs(
        "decision 0003: the client's fault is no 500",
        (
            "messages-without-messages",
            "messages-no-role",
            "messages-image",
            "messages-image-in-a-result",
            "messages-no-json",
            "messages-of-an-array",
            "count-without-messages",
            "count-image",
            "count-no-json",
        ),
    ),
    Differs(
        "decision 0003: a conversation that is none is refused",
        (
            "messages-null-messages",
            "messages-empty-messages",
            "messages-text-messages",
            "messages-unknown-role",
            "messages-unknown-block",
            "messages-block-without-type",
            "messages-number-block",
            "messages-system-of-a-number",
            "count-text-messages",
            "count-empty-messages",
        ),
    ),
    Differs(
        "decision 0003: a constraint of a wrong type is not ignored",
        (
            "messages-stop-sequences-of-text",
            "messages-tools-of-text",
            "messages-tools-of-numbers",
            "messages-tool-without-name",
            "messages-tool-choice-of-text",
            "messages-tool-choice-unknown",
            "messages-any-tool-of-none",
            "messages-thinking-of-text",
            "messages-metadata-of-a-number",
            "messages-template-kwargs-of-text",
        ),
    ),
)
