"""What is wrong with a request body, said so that the client can mend it.

These carry the HTTP status and the error type that llama-server uses; `api/errors.py` alone turns
them into JSON. Answers to llama.cpp `tools/server/server-common.cpp` format_error_response.
"""

from __future__ import annotations

from server.errors import ServerError


class RequestError(ServerError):
    """A request body that can't be served. `field` is the field at fault ("" = the whole body)."""

    status = 400
    type = "invalid_request_error"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class SchemaError(RequestError):
    """A field that is missing, of the wrong type, or out of its hard limits."""
