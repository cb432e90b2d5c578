"""Rows of the request table: bodies of a few fields, for tokens, slots, adapters and streams."""

from __future__ import annotations

from server.schema.field import Field
from server.schema.field import Into
from server.schema.field import Kind
from server.schema.rows_request import TOKENS_OR_TEXTS

CONTENT: dict[str, object] = {
    "type": ["string", "array"],
    "items": TOKENS_OR_TEXTS["items"],
}
TOKENS: dict[str, object] = {"type": "array", "items": {"type": "integer"}}


def own(name: str, kind: Kind, help: str, form: dict[str, object] | None = None) -> Field:
    """A row that is read from the body where it is needed."""
    return Field(name, kind, help, into=Into.NOWHERE, form=form)


TOKENIZE_ROWS = (
    own("content", Kind.JSON, "Text, or texts and token ids (default: nothing).", CONTENT),
    own("add_special", Kind.BOOL, "Put the model's BOS token in front (default: false)."),
    own("parse_special", Kind.BOOL, "Read names of control tokens as those (default: true)."),
    own("with_pieces", Kind.BOOL, "Give the text of each token too (default: false)."),
)

DETOKENIZE_ROWS = (own("tokens", Kind.JSON, "Token ids (default: none).", TOKENS),)

SLOT_ROWS = (own("filename", Kind.STR, "A name in --slot-save-path; not needed to erase."),)

CONTROL_ROWS = (
    own("id", Kind.STR, "The id of the completion, as its answer says it."),
    own("action", Kind.STR, '"reasoning_end".'),
)

LOOKUP_ROWS = (
    own("conversation_ids", Kind.JSON, "The ids to look for; other values are left out.", {}),
)

SCALE: dict[str, object] = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "integer", "description": "The number of the adapter."},
        "scale": {"type": ["number", "null"], "description": "How strongly it acts."},
    },
}
