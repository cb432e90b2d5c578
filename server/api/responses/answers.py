"""JSON Schemas of what the routes of Responses answer."""

from __future__ import annotations

from server.api.describe import ANY
from server.api.describe import BOOL
from server.api.describe import INT
from server.api.describe import NUMBER
from server.api.describe import OBJECT
from server.api.describe import TEXT
from server.api.describe import Answer
from server.api.describe import Json
from server.api.describe import array
from server.api.describe import maybe
from server.api.describe import one_of
from server.api.describe import record

ERROR: Json = record(
    {"error": record({"code": INT, "message": TEXT, "type": TEXT, "param": maybe(TEXT)})}
)

ITEM: Json = record({"type": TEXT, "id": TEXT}, {"status": TEXT})

USAGE: Json = record(
    {
        "input_tokens": INT,
        "input_tokens_details": record({"cached_tokens": INT, "cache_write_tokens": INT}),
        "output_tokens": INT,
        "output_tokens_details": record({"reasoning_tokens": INT}),
        "total_tokens": INT,
    }
)

RESPONSE = Answer(
    "The response.",
    "Response",
    record(
        {
            "id": TEXT,
            "object": one_of("response"),
            "created_at": INT,
            "completed_at": maybe(INT),
            "status": one_of(
                "completed", "failed", "in_progress", "cancelled", "queued", "incomplete"
            ),
            "background": BOOL,
            "error": maybe(record({"code": TEXT, "message": TEXT})),
            "incomplete_details": maybe(record({"reason": TEXT})),
            "instructions": maybe(TEXT),
            "max_output_tokens": maybe(INT),
            "metadata": OBJECT,
            "model": TEXT,
            "output": array(ITEM),
            "parallel_tool_calls": BOOL,
            "previous_response_id": maybe(TEXT),
            "reasoning": OBJECT,
            "store": BOOL,
            "temperature": NUMBER,
            "text": OBJECT,
            "tool_choice": ANY,
            "tools": array(OBJECT),
            "top_logprobs": INT,
            "top_p": NUMBER,
            "truncation": TEXT,
            "usage": maybe(USAGE),
        },
        {"timings": OBJECT},
    ),
    streams=True,
)

DELETED = Answer(
    "It is gone.",
    "ResponseDeleted",
    record({"id": TEXT, "object": one_of("response"), "deleted": BOOL}),
)

ITEMS = Answer(
    "The items.",
    "ResponseItems",
    record(
        {
            "object": one_of("list"),
            "data": array(ITEM),
            "first_id": maybe(TEXT),
            "last_id": maybe(TEXT),
            "has_more": BOOL,
        }
    ),
)
