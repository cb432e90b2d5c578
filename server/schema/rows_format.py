"""Rows of the request table: constraints on the output, adapters, and how chats are read.

The chat rows are what `api/` sets after it applied a template; a client of `/completion` may set
them too.
"""

from __future__ import annotations

from server.schema.field import INT32_MAX
from server.schema.field import Field
from server.schema.field import Into
from server.schema.field import Kind
from server.schema.field import Section
from server.schema.lazy import parse_triggers
from server.schema.parsers import CHAT_FORMATS
from server.schema.parsers import REASONING_FORMATS
from server.schema.parsers import parse_as_it_is
from server.schema.parsers import parse_chat_format
from server.schema.parsers import parse_continuation
from server.schema.parsers import parse_json_schema
from server.schema.parsers import parse_lora
from server.schema.parsers import parse_preserved
from server.schema.parsers import parse_reasoning_format
from server.schema.parsers import parse_string_or_array
from server.schema.rows_request import STRING_OR_STRINGS
from server.schema.rows_request import STRINGS

ADAPTERS: dict[str, object] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "integer"}, "scale": {"type": "number"}},
    },
}

TRIGGERS: dict[str, object] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["type", "value"],
        "properties": {
            "type": {"type": "integer", "minimum": 0, "maximum": 3},
            "value": {"type": "string"},
            "token": {"type": "integer"},
        },
    },
}

RESPONSE_FORMAT: dict[str, object] = {
    "type": "object",
    "properties": {
        "type": {
            "type": ["string", "null"],
            "description": '"text", "json_object", "json_schema", "regex" or "lark".',
        },
        "schema": {
            "type": ["object", "boolean", "null"],
            "description": 'For "json_object" and "json_schema".',
        },
        "json_schema": {
            "type": ["object", "null"],
            "properties": {"schema": {"type": ["object", "boolean", "null"]}},
            "description": 'For "json_schema": the schema under `schema`.',
        },
        "regex": {"type": "string", "description": 'For "regex".'},
        "lark": {"type": "string", "description": 'For "lark".'},
    },
}

CONSTRAINT_ROWS = (
    Field(
        "grammar",
        Kind.STR,
        "A GBNF grammar that the output must match (empty = none); one that begins with "
        "`%llguidance` is in Lark.",
        Section.CONSTRAINT,
        into=Into.SAMPLING,
    ),
    Field(
        "json_schema",
        Kind.JSON,
        "A JSON Schema that the output must match. Where `grammar` is given too, that one counts.",
        Section.CONSTRAINT,
        into=Into.NOWHERE,
        parse=parse_json_schema,
        form={"type": ["object", "boolean"]},
    ),
    Field(
        "response_format",
        Kind.JSON,
        "The form of the answer: any text, any JSON object, JSON that a schema allows, or text "
        "that a regular expression or a Lark grammar matches.",
        Section.CONSTRAINT,
        into=Into.NOWHERE,
        parse=parse_as_it_is,
        form=RESPONSE_FORMAT,
    ),
    Field(
        "regex",
        Kind.STR,
        "A regular expression that the whole output must match (empty = none).",
        Section.CONSTRAINT,
        into=Into.NOWHERE,
    ),
    Field(
        "lark",
        Kind.STR,
        "A grammar in llguidance's Lark dialect, whose rule `start` the output must match "
        "(empty = none).",
        Section.CONSTRAINT,
        into=Into.NOWHERE,
    ),
    Field(
        "grammar_lazy",
        Kind.BOOL,
        "Let the grammar hold only from one of `grammar_triggers` on.",
        Section.CONSTRAINT,
    ),
    Field(
        "grammar_triggers",
        Kind.JSON,
        "What a lazy grammar begins with, in order: tokens (type 0, with `token`), words (1; one "
        "that is a single token must be among `preserved_tokens`), regular expressions that are "
        "found in the output (2) or match all of it (3). Of an expression with groups the first "
        "that isn't empty begins the grammar.",
        Section.CONSTRAINT,
        parse=parse_triggers,
        form=TRIGGERS,
    ),
    Field(
        "preserved_tokens",
        Kind.JSON,
        "Texts of control tokens that are to appear in the output.",
        Section.CONSTRAINT,
        parse=parse_preserved,
        form=STRINGS,
    ),
    Field(
        "lora",
        Kind.JSON,
        'LoRA adapters for this request: `[{"id": 0, "scale": 0.5}, ...]`; the others are off.',
        Section.CONSTRAINT,
        parse=parse_lora,
        form=ADAPTERS,
    ),
)

CHAT_ROWS = (
    Field(
        "chat_format",
        Kind.INT,
        "Number of the format in which the model writes: "
        + ", ".join(f"{i} {name}" for i, name in enumerate(CHAT_FORMATS))
        + ".",
        Section.CHAT,
        hard=(0, len(CHAT_FORMATS) - 1),
        parse=parse_chat_format,
    ),
    Field(
        "reasoning_format",
        Kind.STR,
        f"Where reasoning goes: {', '.join(REASONING_FORMATS)}.",
        Section.CHAT,
        parse=parse_reasoning_format,
    ),
    Field(
        "generation_prompt",
        Kind.STR,
        "The end of the prompt that begins the assistant's answer.",
        Section.CHAT,
    ),
    Field("parse_tool_calls", Kind.BOOL, "Look for tool calls in the output.", Section.CHAT),
    Field(
        "continue_final_message",
        Kind.JSON,
        "Go on with the last message instead of answering it: true, `content` or "
        "`reasoning_content`.",
        Section.CHAT,
        attr="is_continuation",
        parse=parse_continuation,
        form={"type": ["boolean", "string"]},
    ),
    Field("echo", Kind.BOOL, "Repeat the continued message in the answer.", Section.CHAT),
    Field(
        "reasoning_budget_tokens",
        Kind.INT,
        "The most tokens of reasoning (-1 = any number).",
        Section.CHAT,
        hard=(-1, INT32_MAX),
    ),
    Field(
        "reasoning_budget_start_tag",
        Kind.STR,
        "Text that starts reasoning.",
        Section.CHAT,
        into=Into.NOWHERE,
    ),
    Field(
        "reasoning_budget_end_tags",
        Kind.JSON,
        "Texts that end reasoning; the first is forced when the budget is spent.",
        Section.CHAT,
        aliases=("reasoning_budget_end_tag",),
        into=Into.NOWHERE,
        parse=parse_string_or_array,
        form=STRING_OR_STRINGS,
    ),
    Field(
        "reasoning_budget_message",
        Kind.STR,
        "Text to put before the forced end.",
        Section.CHAT,
        into=Into.NOWHERE,
    ),
    Field(
        "reasoning_control",
        Kind.BOOL,
        "Allow to end reasoning while it runs.",
        Section.CHAT,
        into=Into.NOWHERE,
    ),
)

ROWS = CONSTRAINT_ROWS + CHAT_ROWS
