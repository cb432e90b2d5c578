"""Answers to requests that gunicorn's parser refuses, so that even those are JSON of the one form.

They never reach the application: a request line or header that is too long, a broken chunk. It
knows gunicorn's exceptions and sockets, and takes the form from `server.api.errors`.
"""

from __future__ import annotations

from http import HTTPStatus

from gunicorn.http import errors as parser_errors

from server.api.errors import JSON_TYPE
from server.api.errors import NO_EXTRA
from server.api.errors import error_json

_STATUS = (
    (parser_errors.LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG),
    (parser_errors.LimitRequestHeaders, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    (parser_errors.UnsupportedTransferCoding, HTTPStatus.NOT_IMPLEMENTED),
    (parser_errors.ParseException, HTTPStatus.BAD_REQUEST),
)


def status_of(error: BaseException) -> HTTPStatus:
    """The status that an exception out of the parser stands for."""
    return next(
        (status for kind, status in _STATUS if isinstance(error, kind)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )


def answer_to(error: BaseException) -> bytes:
    """A whole HTTP response, after which the connection is to be closed."""
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind, message = "server_error", status.phrase
    else:
        kind, message = "invalid_request_error", f"The request can't be read: {error}"
    body = error_json(status, kind, message, NO_EXTRA)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Connection: close\r\n"
        f"Content-Type: {JSON_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1") + body
