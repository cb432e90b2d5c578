"""Rows of the request table: the body of OpenAI's Responses.

Their forms say of what type a field is; what items, tools and choices have to be is said where they
are read, in `server/api/responses`. Answers to OpenAI's API reference and to
server_chat_convert_responses_to_chatcmpl in llama.cpp `tools/server/server-chat.cpp`.
"""

from __future__ import annotations

from server.schema.field import Kind
from server.schema.rows_chat import MODEL
from server.schema.rows_chat import PARALLEL
from server.schema.rows_chat import TEXT
from server.schema.rows_chat import own

Json = dict[str, object]

INCLUDABLE = (
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
)
"""What OpenAI's clients may ask to have included; most of it is of tools that there are none of."""

ITEM: Json = {
    "type": "object",
    "properties": {
        "type": TEXT
        | {
            "description": '"message" (also where it is missing), "function_call", '
            '"function_call_output", "custom_tool_call", "custom_tool_call_output", "reasoning" '
            'or "item_reference".'
        },
        "role": TEXT | {"description": 'Of a message: "user", "assistant", "system", "developer".'},
        "content": {
            "type": ["string", "array", "null"],
            "description": "Of a message: a text, or parts of type input_text or output_text.",
        },
    },
}

TOOL: Json = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {
            "type": "string",
            "description": '"function" or "custom"; other types are skipped.',
        },
        "name": TEXT,
        "description": TEXT,
        "parameters": {
            "type": ["object", "null"],
            "description": "Of a function: a JSON Schema of the arguments.",
        },
        "strict": {"type": ["boolean", "null"]},
        "format": {
            "type": ["object", "null"],
            "description": "Of a custom tool: any text, or what a regular expression matches.",
        },
    },
}

TEXT_CONFIG: Json = {
    "type": "object",
    "properties": {
        "format": {
            "type": ["object", "null"],
            "required": ["type"],
            "properties": {
                "type": {"enum": ["text", "json_object", "json_schema"]},
                "name": TEXT,
                "schema": {"type": ["object", "null"]},
                "strict": {"type": ["boolean", "null"]},
            },
        },
        "verbosity": TEXT | {"description": "Accepted; the model does not know of it."},
    },
}

REASONING: Json = {
    "type": "object",
    "properties": {
        "effort": TEXT | {"description": 'As far as the template knows it; "none" = not at all.'},
        "summary": TEXT
        | {"description": "Where given, thoughts come as a summary, word for word."},
    },
}

METADATA: Json = {
    "type": "object",
    "maxProperties": 16,
    "propertyNames": {"maxLength": 64},
    "additionalProperties": {"type": "string", "maxLength": 512},
}

INPUT = own(
    "input",
    Kind.JSON,
    "A text, or the items of the conversation that are new.",
    {"type": ["string", "array"], "items": ITEM},
)

PROMPT_ROWS = (
    INPUT,
    MODEL,
    own("instructions", Kind.STR, "A system message before everything else."),
    own(
        "previous_response_id",
        Kind.STR,
        "A stored response whose conversation goes on; its instructions do not.",
    ),
    own("tools", Kind.JSON, "What may be called.", {"type": "array", "items": TOOL}),
    own(
        "tool_choice",
        Kind.JSON,
        '"auto", "none", "required", the one tool to call, or those allowed.',
        {"type": ["string", "object"]},
    ),
    PARALLEL,
    own("text", Kind.JSON, "The form of the answer.", TEXT_CONFIG),
    own("reasoning", Kind.JSON, "How much to think, and how thoughts are shown.", REASONING),
    own(
        "truncation",
        Kind.JSON,
        '"auto" leaves out the oldest turns of a conversation that is too long; "disabled" '
        "(the default) refuses it.",
        {"type": "string", "enum": ["auto", "disabled"]},
    ),
    own("conversation", Kind.JSON, "Not supported; `previous_response_id` is.", {}),
    own("prompt", Kind.JSON, "Not supported: there are no stored prompts.", {}),
)
"""What the prompt depends on."""

RESPONSE_ROWS = (
    *PROMPT_ROWS,
    own(
        "max_output_tokens",
        Kind.JSON,
        "The most tokens to generate, thoughts included.",
        {"type": "integer", "minimum": 1},
    ),
    own("max_tool_calls", Kind.INT, "Accepted; it is about tools that the server would run."),
    own(
        "include",
        Kind.JSON,
        "What else the answer has: `message.output_text.logprobs`, `reasoning.encrypted_content`.",
        {"type": "array", "items": {"type": "string", "enum": [*INCLUDABLE]}},
    ),
    own(
        "top_logprobs",
        Kind.JSON,
        "How many likely tokens are shown at each position, where logprobs are included.",
        {"type": "integer", "minimum": 0, "maximum": 20},
    ),
    own("store", Kind.BOOL, "Keep the response to be asked for and gone on with (default: true)."),
    own(
        "background",
        Kind.BOOL,
        "Answer at once and go on without the client, who asks for the response later.",
    ),
    own("metadata", Kind.JSON, "Up to 16 texts, kept with the response.", METADATA),
    own("user", Kind.STR, "Accepted and shown again."),
    own("safety_identifier", Kind.STR, "Accepted and shown again."),
    own("prompt_cache_key", Kind.STR, "Accepted and shown again; prefixes are always shared."),
    own("service_tier", Kind.STR, "Accepted; there is one tier."),
)
