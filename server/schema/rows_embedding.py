"""Rows of the request table: texts to embed, documents to rank, gaps to fill."""

from __future__ import annotations

from dataclasses import replace

from server.schema.field import INT32_MAX
from server.schema.field import Kind
from server.schema.rows_chat import MODEL
from server.schema.rows_request import ONE_PROMPT
from server.schema.rows_request import STRINGS
from server.schema.rows_small import CONTENT
from server.schema.rows_small import own

EXTRA: dict[str, object] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["text"],
        "properties": {"text": {"type": "string"}, "filename": {"type": "string"}},
    },
}
PARTS: dict[str, object] = {
    "type": "object",
    "required": ["content"],
    "properties": {
        "content": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["text"],
                "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
            },
        }
    },
}
ONE_INPUT = {"anyOf": [ONE_PROMPT, PARTS]}
INPUTS: dict[str, object] = {
    "type": ["string", "array", "object"],
    "anyOf": [ONE_INPUT, {"type": "array", "items": ONE_INPUT}, {"type": "null"}],
}
FORMATS: dict[str, object] = {"enum": ["float", "base64"]}

EMBEDDING_ROWS = (
    own(
        "input",
        Kind.JSON,
        "A text, token ids, a mix of both in one array, or an array of these: a vector for each.",
        INPUTS,
    ),
    own("content", Kind.JSON, "The same as `input`, answered as by `/embeddings`.", INPUTS),
    MODEL,
    own("encoding_format", Kind.JSON, "`float` (default) or `base64`.", FORMATS),
    replace(
        own("dimensions", Kind.INT, "The length of the vectors, which is the model's alone."),
        hard=(1, INT32_MAX),
    ),
    replace(
        own(
            "embd_normalize",
            Kind.INT,
            "The norm that is made 1: -1 none, 0 the largest value as int16, 1 taxicab, "
            "2 euclidean, above that the p-norm (default: --embd-normalize).",
        ),
        hard=(-1, INT32_MAX),
    ),
)

RERANK_ROWS = (
    own("query", Kind.STR, "What the documents should answer."),
    own("documents", Kind.JSON, "The documents, in Jina's form.", STRINGS),
    own("texts", Kind.JSON, "The documents, in the form of TEI.", STRINGS),
    MODEL,
    replace(
        own("top_n", Kind.INT, "How many to return (default: all)."),
        hard=(0, INT32_MAX),
    ),
    own("return_text", Kind.BOOL, "Return the documents too, if they came as `texts`."),
)

INFILL_ROWS = (
    own("input_prefix", Kind.JSON, "What stands before the gap.", CONTENT),
    own("input_suffix", Kind.JSON, "What stands behind it.", CONTENT),
    own("input_extra", Kind.JSON, "Other files, the most important last.", EXTRA),
    own("prompt", Kind.STR, "The beginning of what fills the gap."),
)
