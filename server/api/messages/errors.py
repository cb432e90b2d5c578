"""Errors in Anthropic's form, for everything below /v1/messages, and the ids of requests in them.

`{"type": "error", "error": {"type", "message"}, "request_id"}`; the types are Anthropic's, the
statuses those of all routes, so that 503 is `overloaded_error` (Anthropic's own is 529).
"""

from __future__ import annotations

import orjson
from flask import Response
from flask import g

from server.api.describe import TEXT
from server.api.describe import Json
from server.api.describe import one_of
from server.api.describe import record
from server.api.errors import JSON_TYPE
from server.api.errors import ApiError
from server.api.errors import ErrorForm
from server.api.errors import ExceedsContext
from server.api.ids import new_id

REQUEST_ID = "request-id"
ID_LENGTH = 24

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    501: "invalid_request_error",
    503: "overloaded_error",
}
OTHER_TYPE = "api_error"
TOO_MUCH = 429
"""Whose types, of a full queue and of a key's limits, are Anthropic's already."""

SCHEMA: Json = record(
    {
        "type": one_of("error"),
        "error": record({"type": TEXT, "message": TEXT}),
        "request_id": TEXT,
    }
)


def request_id() -> str:
    """The id of the request at hand."""
    if "request_id" not in g:
        g.request_id = new_id("req_", ID_LENGTH)
    found: str = g.request_id
    return found


def error_body(error: ApiError, asked: str) -> bytes:
    """The JSON of an error, also in a stream. asked: the id of the request."""
    message = error.message
    if isinstance(error, ExceedsContext):
        # agents look for these words and shorten the conversation
        n_prompt, n_ctx = error.extra["n_prompt_tokens"], error.extra["n_ctx"]
        message = f"prompt is too long: {n_prompt} tokens > {n_ctx} maximum; {message}"
    kind = error.type if error.status == TOO_MUCH else TYPES.get(error.status, OTHER_TYPE)
    return orjson.dumps(
        {"type": "error", "error": {"type": kind, "message": message}, "request_id": asked}
    )


def _write(error: ApiError) -> Response:
    headers = {REQUEST_ID: request_id()}
    body = error_body(error, request_id())
    return Response(body, error.status, headers, content_type=JSON_TYPE)


MESSAGES = ErrorForm("MessagesError", SCHEMA, _write)
