"""Server-sent events: framing, comments that keep a silent stream alive, and the response itself.

Answers to format_oai_sse and to the streaming half of handle_completions_impl in llama.cpp
`tools/server`. The per-token path makes one bytes object and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Response

COMMENT = b":\n\n"
DONE = b"data: [DONE]\n\n"
DATA = b"data: "
END = b"\n\n"

HEADERS = {
    "Cache-Control": "no-cache",
    # nginx and its like would hold the stream back otherwise
    "X-Accel-Buffering": "no",
}


def event(value: object) -> bytes:
    """One event with a JSON payload."""
    return b"data: " + orjson.dumps(value) + END


def event_of(payload: bytes) -> bytes:
    """One event with a payload that is JSON already."""
    return DATA + payload + END


def opening(environ: Mapping[str, Any]) -> bytes:
    """What makes the server send the headers now, before the first token.

    gunicorn sends them with an empty chunk. Others keep to PEP 3333 and wait for a byte, so they
    get a comment, although naive clients, which take every line for data, stumble over it.
    """
    return b"" if "gunicorn.socket" in environ else COMMENT


def stream_response(chunks: Iterator[bytes], on_close: Callable[[], None]) -> Response:
    """A streamed answer; on_close is called whichever way it ends, even if it never began."""
    response = Response(chunks, content_type="text/event-stream", headers=HEADERS)
    response.call_on_close(on_close)
    return response
