"""Errors of OpenAI's Responses: llama-server's form, and the field at fault as `param`."""

from __future__ import annotations

from flask import Response

from server.api.errors import JSON_TYPE
from server.api.errors import ApiError
from server.api.errors import ErrorForm
from server.api.errors import error_json
from server.api.responses.answers import ERROR


def _written(error: ApiError) -> Response:
    extra = {"param": error.field or None, **error.extra}
    body = error_json(error.status, error.type, error.message, extra)
    return Response(body, error.status, content_type=JSON_TYPE)


FORM = ErrorForm("ResponseError", ERROR, _written)
