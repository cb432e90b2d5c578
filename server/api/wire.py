"""JSON in and out: what is the same for every dialect.

A body is JSON whatever its Content-Type says, as in the reference, so that plain `curl -d` works.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from typing import TypeVar

import orjson
from flask import Response
from flask import request
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import RequestEntityTooLarge

from server.api.blocking import pause
from server.api.blocking import run_blocking
from server.api.errors import JSON_TYPE
from server.api.errors import InvalidRequest
from server.api.pieces import pieces
from server.schema import BodySchema

Body = dict[str, object]
T = TypeVar("T")

MAX_DEPTH = 128
"""The deepest nesting of a body. Who works on it may recurse; schemas of tools need some 20."""

SMALL_BODY_BYTES = 16 << 10
"""The tokens of so much text take about 10 ms."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Some clients of Windows write it before UTF-8; JSON libraries skip it."""


def read_json() -> Body:
    """The request's body, which must be a JSON object."""
    body = read_value("a JSON object")
    if not isinstance(body, dict):
        raise InvalidRequest("The request body must be a JSON object")
    return body


def read_body(kind: BodySchema) -> Body:
    """As read_json, with the fields checked that this kind of body has of its own. SchemaError."""
    body = read_json()
    aside(lambda: kind.check(body))
    return body


def aside(work: Callable[[], T]) -> T:
    """Do work that takes the longer the larger the body is; others go on during a large one's.

    The work must not ask for the request: it may run in another thread.
    """
    size = request.content_length
    return work() if size is not None and size <= SMALL_BODY_BYTES else run_blocking(work)


def read_value(wanted: str) -> object:
    """The request's body, whatever it is. wanted: what to say that should have been sent."""
    raw = _raw_body().removeprefix(BYTE_ORDER_MARK)
    if not raw:
        raise InvalidRequest(f"The request body is empty; send {wanted}")
    try:
        value: object = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"The request body is not valid JSON: {error}") from None
    # so many brackets are needed for such a depth
    may_be_deep = raw.count(b"{") + raw.count(b"[") > MAX_DEPTH
    if may_be_deep and is_deeper(value, MAX_DEPTH):
        raise InvalidRequest(f"The request body is nested more than {MAX_DEPTH} levels deep")
    return value


def is_deeper(value: object, limit: int) -> bool:
    """Whether JSON is nested deeper than so many levels; without recursion."""
    level = _containers([value])
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in _containers(node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return True


def _containers(values: Iterable[object]) -> list[dict[str, object] | list[object]]:
    return [value for value in values if isinstance(value, (dict, list))]


def _raw_body() -> bytes:
    try:
        n_bytes = request.content_length
        if n_bytes is None:
            n_bytes = request.max_content_length
        raw = b"".join(pieces(request.stream.read, pause, n_bytes))
        # werkzeug cuts a body in chunks at the limit without a word
        may_be_cut = request.content_length is None and len(raw) == request.max_content_length
        if may_be_cut and request.environ["wsgi.input"].read(1):
            raise RequestEntityTooLarge
        return raw
    except HTTPException:
        raise
    # a broken chunk; each WSGI server has exceptions of its own for it
    except Exception as error:
        raise InvalidRequest(f"The request body can't be read: {error}") from error


def json_response(value: object, status: int = 200) -> Response:
    """A whole JSON answer."""
    return Response(orjson.dumps(value), status, content_type=JSON_TYPE)


def bool_field(body: Body, name: str, default: bool) -> bool:
    """A flag of a body that has no row in the request table; null = default."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidRequest(f'"{name}" must be true or false')
    return value
