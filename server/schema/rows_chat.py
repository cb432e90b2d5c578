"""Rows of the request table: what a chat has besides the fields of a completion.

Their forms say what a client may send; what a conversation has to be beyond its form is said in
`server/chat`. Answers to oaicompat_chat_params_parse in llama.cpp `tools/server/server-common.cpp`.
"""

from __future__ import annotations

from server.schema.field import Field
from server.schema.field import Into
from server.schema.field import Kind

Json = dict[str, object]

TEXT: Json = {"type": ["string", "null"]}

PART: Json = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"type": "string", "description": '"text".'},
        "text": TEXT | {"description": "The text of a part of that type."},
    },
}

TOOL_CALL: Json = {
    "type": "object",
    "required": ["type", "function"],
    "properties": {
        "id": TEXT,
        "type": {"const": "function"},
        "function": {
            "type": "object",
            "required": ["name", "arguments"],
            "properties": {
                "name": {"type": "string"},
                "arguments": {"description": "JSON as a text, or the value itself."},
            },
        },
    },
}

MESSAGE: Json = {
    "type": "object",
    "required": ["role"],
    "properties": {
        "role": {
            "type": "string",
            "description": '"system", "user", "assistant", "tool", or what the template knows.',
        },
        "content": {
            "type": ["string", "array", "null"],
            "items": PART,
            "description": "A text or parts of it; required unless an assistant calls tools.",
        },
        "reasoning_content": TEXT | {"description": "What the assistant thought."},
        "name": TEXT,
        "tool_call_id": TEXT | {"description": "The call that this message answers."},
        "tool_calls": {"type": ["array", "null"], "items": TOOL_CALL},
    },
}

TOOL: Json = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "description": '"function".'},
        "function": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "description": TEXT,
                "parameters": {
                    "type": ["object", "null"],
                    "description": "A JSON Schema of the arguments.",
                },
            },
        },
    },
}


def own(name: str, kind: Kind, help: str, form: Json | None = None) -> Field:
    """A row that is read from the body where it is needed."""
    return Field(name, kind, help, into=Into.NOWHERE, form=form)


MESSAGES = own(
    "messages",
    Kind.JSON,
    "The conversation, oldest message first.",
    {"type": "array", "items": MESSAGE},
)

MODEL = own("model", Kind.JSON, "Which model; a server of one model does not look.", {})

PARALLEL = own("parallel_tool_calls", Kind.BOOL, "Allow several calls in one answer.")

TEMPLATE_ROWS = (
    MESSAGES,
    own("tools", Kind.JSON, "The functions that may be called.", {"type": "array", "items": TOOL}),
    own(
        "tool_choice",
        Kind.JSON,
        '"auto", "none", "required", or the one function to call.',
        {"type": ["string", "object"]},
    ),
    PARALLEL,
    own("add_generation_prompt", Kind.BOOL, "Begin the assistant's answer (default: true)."),
    own(
        "chat_template_kwargs",
        Kind.JSON,
        "Variables of the template, beside those of the server.",
        {"type": "object"},
    ),
    own(
        "reasoning_effort",
        Kind.JSON,
        'How much to think, as far as the template knows; "none" = not at all.',
        {},
    ),
)

CHAT_ROWS = (
    *TEMPLATE_ROWS,
    MODEL,
    own(
        "logprobs",
        Kind.JSON,
        "Return the probabilities of likely tokens at each position; a number is `n_probs`.",
        {"type": ["boolean", "number"]},
    ),
    own(
        "top_logprobs",
        Kind.FLOAT,
        "How many tokens at each position; asks for `logprobs` (default: 20).",
    ),
    own("thinking_budget_tokens", Kind.INT, "The same as `reasoning_budget_tokens`."),
)
