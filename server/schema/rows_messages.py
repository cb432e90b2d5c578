"""Rows of the request table: Anthropic's Messages.

Their forms say what a client may send; what a block of each type needs is said where blocks become
messages of a chat (`server/api/messages/turns.py`). Answers to server_chat_convert_anthropic_to_oai
in llama.cpp `tools/server/server-chat.cpp`.
"""

from __future__ import annotations

from server.schema.field import INT32_MAX
from server.schema.field import Field
from server.schema.field import Into
from server.schema.field import Kind
from server.schema.field import Section
from server.schema.rows_chat import MODEL
from server.schema.rows_chat import own
from server.schema.table import FIELDS

Json = dict[str, object]

TEXT: Json = {"type": ["string", "null"]}

BLOCK: Json = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {
            "type": "string",
            "description": '"text", "thinking", "redacted_thinking", "image", "document", '
            '"search_result", "tool_use" or "tool_result".',
        },
        "text": TEXT,
        "thinking": TEXT,
        "signature": TEXT | {"description": "Of thinking; not looked at."},
        "source": {
            "type": ["object", "string", "null"],
            "description": "Of images, documents and search results.",
        },
        "title": TEXT,
        "id": TEXT | {"description": "Of a call."},
        "name": TEXT | {"description": "Of the tool that is called."},
        "input": {"type": ["object", "null"], "description": "The arguments of a call."},
        "tool_use_id": TEXT | {"description": "The call that a result answers."},
        "content": {"type": ["string", "array", "null"], "description": "Of a result."},
        "is_error": {"type": ["boolean", "null"]},
    },
}

MESSAGE: Json = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {
        "role": {"enum": ["user", "assistant", "system"]},
        "content": {"type": ["string", "array"], "items": BLOCK},
    },
}

SYSTEM: Json = {
    "type": ["string", "array"],
    "items": {
        "type": "object",
        "required": ["type", "text"],
        "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
    },
}

TOOL: Json = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "type": TEXT | {"description": '"custom"; the tools of Anthropic\'s servers are left out.'},
        "description": TEXT,
        "input_schema": {
            "type": ["object", "null"],
            "description": "A JSON Schema of the input.",
        },
        "strict": {"type": ["boolean", "null"]},
    },
}

CHOICE: Json = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"enum": ["auto", "any", "tool", "none"]},
        "name": TEXT | {"description": 'The tool to call, where the type is "tool".'},
        "disable_parallel_tool_use": {"type": ["boolean", "null"]},
    },
}

THINKING: Json = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"enum": ["enabled", "disabled", "adaptive", "between_tools"]},
        "budget_tokens": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": INT32_MAX,
            "description": 'The most tokens of thoughts, where the type is "enabled".',
        },
        "display": {
            "enum": ["summarized", "omitted", None],
            "description": '"omitted": thoughts are not shown, only that there are some.',
        },
    },
}

FORMAT: Json = {
    "type": "object",
    "required": ["type", "schema"],
    "properties": {"type": {"const": "json_schema"}, "schema": {"type": "object"}},
}

OUTPUT: Json = {
    "type": "object",
    "properties": {
        "effort": {"enum": ["low", "medium", "high", "xhigh", "max", None]},
        "format": FORMAT | {"type": ["object", "null"]},
    },
}

COUNTED_ROWS = (
    own(
        "messages",
        Kind.JSON,
        "The conversation, oldest message first; neighbours of one role are one turn.",
        {"type": "array", "items": MESSAGE, "minItems": 1},
    ),
    own("system", Kind.JSON, "What the model is told first: a text, or blocks of it.", SYSTEM),
    own("tools", Kind.JSON, "The tools that may be called.", {"type": "array", "items": TOOL}),
    own("tool_choice", Kind.JSON, "Whether tools are called, and which.", CHOICE),
    own("thinking", Kind.JSON, "Whether to think, and how much.", THINKING),
    own("output_config", Kind.JSON, "How hard to think, and the form of the answer.", OUTPUT),
    own("output_format", Kind.JSON, "An earlier name of `output_config.format`.", FORMAT),
    MODEL,
    own(
        "chat_template_kwargs",
        Kind.JSON,
        "Variables of the template, beside those of the server.",
        {"type": "object"},
    ),
)

MESSAGES_ROWS = (
    *COUNTED_ROWS,
    Field(
        "max_tokens",
        Kind.INT,
        "The most tokens to generate, thoughts included (default: 4096).",
        hard=(0, INT32_MAX),
        into=Into.NOWHERE,
    ),
    own(
        "stop_sequences",
        Kind.JSON,
        "Texts at which generation ends.",
        {"type": "array", "items": {"type": "string"}},
    ),
    own(
        "metadata",
        Kind.JSON,
        "Who asks; not looked at.",
        {"type": "object", "properties": {"user_id": TEXT}},
    ),
)

TAKEN = frozenset(
    {
        "stream",
        "sse_ping_interval",
        "cache_prompt",
        "n_cache_reuse",
        "cache_salt",
        "id_slot",
        "ignore_eos",
        "grammar",
        "regex",
        "lark",
        "lora",
        "reasoning_budget_message",
    }
)

COMPLETION_ROWS = tuple(
    row for row in FIELDS if row.section is Section.SAMPLING or row.name in TAKEN
)
"""The fields of a completion that Messages take too; those of one prompt and one answer."""
