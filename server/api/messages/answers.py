"""What the routes answer, for the API description."""

from __future__ import annotations

from server.api.describe import INT
from server.api.describe import TEXT
from server.api.describe import Answer
from server.api.describe import array
from server.api.describe import maybe
from server.api.describe import one_of
from server.api.describe import record

MESSAGE = Answer(
    "The answer of the assistant, as Anthropic's Message.",
    "Message",
    record(
        {
            "id": TEXT,
            "type": one_of("message"),
            "role": one_of("assistant"),
            "content": array(record({"type": one_of("thinking", "text", "tool_use")})),
            "model": TEXT,
            "stop_reason": one_of("end_turn", "max_tokens", "stop_sequence", "tool_use"),
            "stop_sequence": maybe(TEXT),
            "usage": record(
                {
                    "input_tokens": INT,
                    "cache_creation_input_tokens": INT,
                    "cache_read_input_tokens": INT,
                    "output_tokens": INT,
                }
            ),
        }
    ),
    streams=True,
)

COUNTED_TOKENS = Answer(
    "The number of tokens.", "MessageTokensCount", record({"input_tokens": INT})
)
