"""Every kind of body that there is, for the routes that take them and for who describes them."""

from __future__ import annotations

from server.schema.body import ArraySchema
from server.schema.body import BodySchema
from server.schema.field import Field
from server.schema.field import Into
from server.schema.field import Kind
from server.schema.openai import SET_BY_TEMPLATE
from server.schema.rows_chat import CHAT_ROWS
from server.schema.rows_chat import MODEL
from server.schema.rows_chat import TEMPLATE_ROWS
from server.schema.rows_embedding import EMBEDDING_ROWS
from server.schema.rows_embedding import INFILL_ROWS
from server.schema.rows_embedding import RERANK_ROWS
from server.schema.rows_messages import COMPLETION_ROWS
from server.schema.rows_messages import COUNTED_ROWS
from server.schema.rows_messages import MESSAGES_ROWS
from server.schema.rows_responses import PROMPT_ROWS
from server.schema.rows_responses import RESPONSE_ROWS
from server.schema.rows_small import CONTROL_ROWS
from server.schema.rows_small import DETOKENIZE_ROWS
from server.schema.rows_small import LOOKUP_ROWS
from server.schema.rows_small import SCALE
from server.schema.rows_small import SLOT_ROWS
from server.schema.rows_small import TOKENIZE_ROWS
from server.schema.table import FIELDS

HELLO = [{"role": "user", "content": "Say hello."}]

IGNORED = tuple(
    Field(name, Kind.JSON, "Ignored, as llama-server does.", into=Into.NOWHERE, form={})
    for name in ("best_of", "suffix")
)

COMPLETION = BodySchema(
    "CompletionRequest",
    "A prompt to go on with, in llama-server's own terms.",
    required=("prompt",),
    completion=FIELDS,
    example={"prompt": "Once upon a time", "n_predict": 16},
)

OPENAI_COMPLETION = BodySchema(
    "OpenAICompletionRequest",
    "A prompt to go on with, in OpenAI's terms and in those of `/completion`.",
    (MODEL, *IGNORED),
    ("prompt",),
    FIELDS,
    {"prompt": "Once upon a time", "max_tokens": 16},
)

CHAT = BodySchema(
    "ChatCompletionRequest",
    "A conversation to go on with, in OpenAI's terms and in those of `/completion`.",
    CHAT_ROWS,
    ("messages",),
    tuple(row for row in FIELDS if row.name not in SET_BY_TEMPLATE),
    {"messages": HELLO, "max_tokens": 16},
)

TEMPLATE = BodySchema(
    "ApplyTemplateRequest",
    "A conversation to make a prompt of.",
    TEMPLATE_ROWS,
    ("messages",),
    tuple(row for row in FIELDS if row.name in ("continue_final_message", "response_format")),
    example={"messages": HELLO},
)

RESPONSE = BodySchema(
    "ResponseRequest",
    "A conversation to go on with, in the terms of OpenAI's Responses and in those of "
    "`/completion`.",
    RESPONSE_ROWS,
    ("input",),
    tuple(row for row in FIELDS if row.name not in SET_BY_TEMPLATE),
    {"input": "Say hello.", "max_output_tokens": 16},
)

RESPONSE_TOKENS = BodySchema(
    "ResponseTokensRequest",
    "A conversation to count the tokens of.",
    PROMPT_ROWS,
    ("input",),
    example={"input": "Say hello."},
)

MESSAGES = BodySchema(
    "MessagesRequest",
    "A conversation to go on with, in Anthropic's terms.",
    MESSAGES_ROWS,
    ("messages",),
    COMPLETION_ROWS,
    {"messages": HELLO, "max_tokens": 16},
)

COUNTED_MESSAGES = BodySchema(
    "CountTokensRequest",
    "A conversation to count the tokens of, in Anthropic's terms.",
    COUNTED_ROWS,
    ("messages",),
    example={"messages": HELLO},
)

TOKENIZE = BodySchema(
    "TokenizeRequest", "Text to make tokens of.", TOKENIZE_ROWS, example={"content": "Hello"}
)

DETOKENIZE = BodySchema(
    "DetokenizeRequest", "Tokens to make text of.", DETOKENIZE_ROWS, example={"tokens": [1, 2]}
)

EMBEDDINGS = BodySchema(
    "EmbeddingsRequest",
    "Texts to make vectors of.",
    EMBEDDING_ROWS,
    example={"input": ["Hello", "world"]},
)

RERANK = BodySchema(
    "RerankRequest",
    "Documents to put in order by how well they answer a query.",
    RERANK_ROWS,
    ("query",),
    example={"query": "What is a panda?", "documents": ["hi", "It is a bear."], "top_n": 1},
)

INFILL = BodySchema(
    "InfillRequest",
    "Code with a gap to fill, and the fields of `/completion`.",
    INFILL_ROWS,
    ("input_prefix", "input_suffix"),
    tuple(row for row in FIELDS if row.name != "prompt"),
    {"input_prefix": "def add(a, b):\n", "input_suffix": "\n", "n_predict": 16},
)

SLOT_FILE = BodySchema(
    "SlotFileRequest", "Which file to save or restore.", SLOT_ROWS, example={"filename": "a.bin"}
)

CONTROL = BodySchema(
    "CompletionControlRequest",
    "What to do to a completion that runs.",
    CONTROL_ROWS,
    example={"id": "chatcmpl-0", "action": "reasoning_end"},
)

LOOKUP = BodySchema(
    "StreamLookupRequest",
    "Which streams to look for.",
    LOOKUP_ROWS,
    example={"conversation_ids": ["a"]},
)

SCALES = ArraySchema(
    "AdapterScales",
    "A scale for each adapter; those left out are off.",
    SCALE,
    ({"id": 0, "scale": 0.5},),
)

BODIES: tuple[BodySchema | ArraySchema, ...] = (
    COMPLETION,
    OPENAI_COMPLETION,
    CHAT,
    TEMPLATE,
    RESPONSE,
    RESPONSE_TOKENS,
    MESSAGES,
    COUNTED_MESSAGES,
    TOKENIZE,
    DETOKENIZE,
    EMBEDDINGS,
    RERANK,
    INFILL,
    SLOT_FILE,
    SCALES,
    CONTROL,
    LOOKUP,
)
"""All of them, in the order of the reference page."""
