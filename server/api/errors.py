"""Error answers: `{"error": {"code", "message", "type"}}`, but where a dialect has its own form.

Other rooms raise their own classes; the handlers registered here give each its status and type, and
have it written in the form of the path that was asked (`ErrorForm`). What a client may read is
decided here too: the text of an unexpected exception goes to the log and never over the wire.
Answers to llama.cpp `tools/server/server-common.cpp` format_error_response.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from flask import Flask
from flask import Response
from flask import request
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed

from server.api import answers
from server.chat.errors import ChatError
from server.engine.task import ErrorKind
from server.engine.task import Failed
from server.errors import ServerError
from server.schema import RequestError

JSON_TYPE = "application/json; charset=utf-8"
NO_EXTRA: Mapping[str, object] = {}

log = logging.getLogger(__name__)


class ApiError(ServerError):
    """An error that a client sees as it is. `extra` are further fields of the error object."""

    status = 500
    type = "server_error"
    retry_after_s = 0
    """When the client may try again; 0 = not said."""
    field = ""
    """The field of the body that is at fault, where that is known."""

    def __init__(self, message: str, extra: Mapping[str, object] = NO_EXTRA) -> None:
        super().__init__(message)
        self.message = message
        self.extra = extra


class InvalidRequest(ApiError):
    """The request can't be understood, or asks for what can't be."""

    status = 400
    type = "invalid_request_error"


class ExceedsContext(ApiError):
    """The prompt is longer than a slot's context."""

    status = 400
    type = "exceed_context_size_error"

    def __init__(self, n_prompt: int, n_ctx: int, message: str = "") -> None:
        super().__init__(
            message
            or f"request ({n_prompt} tokens) exceeds the available context size ({n_ctx} tokens), "
            "try increasing it",
            {"n_prompt_tokens": n_prompt, "n_ctx": n_ctx},
        )


class WrongKey(ApiError):
    """No API key, or one that is not known."""

    status = 401
    type = "authentication_error"


class Disabled(ApiError):
    """A feature that the server was started without."""

    status = 403
    type = "feature_disabled"


class Forbidden(ApiError):
    """Who asks is known, but may not ask this, or not under this name."""

    status = 403
    type = "permission_error"


class NotFound(ApiError):
    """No such route, or not with this method."""

    status = 404
    type = "not_found_error"


class BodyTooLarge(ApiError):
    """The body is over --max-body-mib."""

    status = 413
    type = "invalid_request_error"


class RateLimited(ApiError):
    """The API key has used up what it may have."""

    status = 429
    type = "rate_limit_error"

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Overloaded(RateLimited):
    """More requests wait already than may wait, or this one has waited too long."""

    type = "overloaded_error"


class NotSupported(ApiError):
    """This server was started without what the request needs."""

    status = 501
    type = "not_supported_error"


class Unavailable(ApiError):
    """Not now: loading, shutting down, or no slot."""

    status = 503
    type = "unavailable_error"


class ClientGone(ApiError):
    """The client closed the connection; nobody reads this answer but the access log."""

    status = 499
    type = "client_gone_error"


_FAILURES: dict[ErrorKind, type[ApiError]] = {
    ErrorKind.INVALID_REQUEST: InvalidRequest,
    ErrorKind.NOT_SUPPORTED: NotSupported,
    ErrorKind.UNAVAILABLE: Unavailable,
    ErrorKind.OVERLOADED: Overloaded,
    ErrorKind.SERVER: ApiError,
}

_HTTP_ERRORS: dict[int, tuple[type[ApiError], str]] = {
    400: (InvalidRequest, "The request can't be read: {description}"),
    404: (NotFound, "File Not Found"),
    # as the reference, where a method that a path lacks is a path that there is not
    405: (NotFound, "File Not Found"),
    413: (
        BodyTooLarge,
        "The request body is over the limit of {limit_mib} MiB; shorten it, or start the server "
        "with a larger --max-body-mib",
    ),
}


def error_from(failed: Failed) -> ApiError:
    """The error that an engine's last event stands for."""
    if failed.kind is ErrorKind.EXCEED_CONTEXT_SIZE:
        return ExceedsContext(failed.n_prompt, failed.n_ctx, failed.message)
    return _FAILURES[failed.kind](failed.message)


def error_json(status: int, kind: str, message: str, extra: Mapping[str, object]) -> bytes:
    """The body of an error answer, which is also the payload of an error event in a stream."""
    error = {"code": status, "message": message, "type": kind, **extra}
    return orjson.dumps({"error": error})


def error_body(error: ApiError) -> bytes:
    """As error_json, for an error of this module."""
    return error_json(error.status, error.type, error.message, error.extra)


def error_response(error: ApiError) -> Response:
    """A whole answer."""
    return Response(error_body(error), error.status, content_type=JSON_TYPE)


@dataclass(frozen=True, slots=True)
class ErrorForm:
    """How a dialect writes errors that are answers; those in its streams are its `Format`'s."""

    name: str
    """The name of the schema in the API description."""

    schema: Mapping[str, object]
    write: Callable[[ApiError], Response]


LLAMA_SERVER = ErrorForm("Error", answers.ERROR, error_response)
"""The form of all routes that have no other."""


def unexpected(error: BaseException, where: str) -> ApiError:
    """Log an exception that nobody foresaw; what the client is told instead."""
    log.error("unexpected error in %s", where, exc_info=error)
    return ApiError("Internal server error; the server's log has the details")


def register_error_handlers(app: Flask, form_at: Callable[[str], ErrorForm]) -> None:
    """Have every error that leaves a handler answered. form_at: the form that a path wants."""

    def written(error: ApiError) -> Response:
        response = form_at(request.path).write(error)
        if error.retry_after_s:
            response.headers["Retry-After"] = str(error.retry_after_s)
        return response

    def on_request_error(error: RequestError) -> Response:
        return written(_from_request(error))

    def on_chat_error(error: ChatError) -> Response:
        return written(InvalidRequest(str(error)))

    def on_http_error(error: HTTPException) -> Response:
        response = written(_from_http(error))
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response

    def on_unexpected(error: Exception) -> Response:
        return written(unexpected(error, f"{request.method} {request.path}"))

    app.register_error_handler(ApiError, written)
    app.register_error_handler(RequestError, on_request_error)
    app.register_error_handler(ChatError, on_chat_error)
    app.register_error_handler(HTTPException, on_http_error)
    app.register_error_handler(Exception, on_unexpected)


def _from_request(error: RequestError) -> ApiError:
    found = InvalidRequest(error.message)
    found.field = error.field
    return found


def _from_http(error: HTTPException) -> ApiError:
    known = _HTTP_ERRORS.get(error.code or 500)
    if known is None:
        return unexpected(error, f"{request.method} {request.path}")
    kind, message = known
    limit_mib = (request.max_content_length or 0) >> 20
    return kind(message.format(description=error.description, limit_mib=limit_mib))
