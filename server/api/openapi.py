"""The list of routes as an OpenAPI 3.1 document.

Made of rows only: each path of a route is an operation, its body comes from the request table and
its answer from the route. It knows no handler and no request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from server import __version__
from server.api.describe import EVENTS_MEDIA
from server.api.describe import JSON_MEDIA
from server.api.describe import Json
from server.api.describe import Param
from server.api.errors import ErrorForm
from server.api.registry import Route
from server.api.registry import Routes
from server.schema.form import DIALECT

VERSION = "3.1.0"
IN_PATH = re.compile(r"<(?:\w+:)?(\w+)>")

ABOUT = """\
An inference server for GGUF models that speaks llama-server's API, and OpenAI's.

Errors have one form, `{"error": {"code", "message", "type"}}`, but where a dialect has its own. In
request bodies `null` is the same as leaving a field out, and unknown fields are ignored. Limits
that are not in the schemas (`top_p` between 0 and 1 and the like) clamp a value instead of refusing
it. Where keys are set, every route but `/health` wants one.
"""

ERRORS = {
    "400": "The request can't be understood, or asks for what can't be.",
    "401": "The API key lacks or is wrong.",
    "403": "The feature is switched off.",
    "404": "There is no such thing.",
    "413": "The body is over --max-body-mib.",
    "500": "A fault of the server, or of the model's output.",
    "501": "The server was started without what the request needs.",
    "503": "Not now: loading, shutting down, or no slot.",
}


def document(dialects: Iterable[Routes], prefix: str = "") -> Json:
    """The whole description. prefix: what stands before every path (--api-prefix)."""
    paths: dict[str, Json] = {}
    schemas: Json = {}
    responses: Json = {}
    tags = []
    for dialect in dialects:
        tags.append({"name": dialect.dialect})
        schemas[dialect.errors.name] = dialect.errors.schema
        responses |= _error_responses(dialect.errors)
        for route in dialect.rows:
            _collect(route, schemas)
            for i, path in enumerate(route.paths):
                operations = paths.setdefault(template(path), {})
                operations[route.method.lower()] = _operation(dialect, route, i)
    return {
        "openapi": VERSION,
        "jsonSchemaDialect": DIALECT,
        "info": {"title": "llamactl", "version": __version__, "description": ABOUT},
        "servers": [{"url": prefix or "/"}],
        "security": [{}, {"bearer": []}, {"key": []}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
        },
    }


def template(path: str) -> str:
    """A path as OpenAPI writes it: /slots/<id_slot> is /slots/{id_slot}."""
    return IN_PATH.sub(r"{\1}", path)


def _collect(route: Route, schemas: Json) -> None:
    """Add the schemas that a route has by name."""
    if route.takes is not None:
        schemas[route.takes.name] = route.takes.json_schema()
    if route.gives.name:
        schemas[route.gives.name] = route.gives.schema


def _operation(dialect: Routes, route: Route, i_path: int) -> Json:
    operation: Json = {
        "operationId": f"{dialect.dialect}_{route.name}" + (f"_{i_path + 1}" if i_path else ""),
        "summary": route.summary,
        "tags": [dialect.dialect],
        "responses": _responses(route, dialect.errors),
    }
    if i_path:
        operation["description"] = f"The same as `{route.path}`."
    if route.params:
        operation["parameters"] = [_parameter(param) for param in route.params]
    if route.takes is not None:
        content = {"schema": _ref(route.takes.name), "example": route.takes.example}
        operation["requestBody"] = {"required": True, "content": {JSON_MEDIA: content}}
    if route.is_public:
        operation["security"] = [{}]
    return operation


def _parameter(param: Param) -> Json:
    return {
        "name": param.name,
        "in": param.place,
        "required": param.required,
        "description": param.help,
        "schema": param.schema,
    }


def _responses(route: Route, errors: ErrorForm) -> Json:
    gives = route.gives
    good: Json = {"description": gives.help}
    content: Json = {}
    if gives.name:
        content[gives.media] = {"schema": _ref(gives.name)}
    elif gives.status != 204:
        content[gives.media] = {"schema": {"type": "string"}}
    if gives.streams:
        # OpenAPI 3.1 describes no events, and a schema is taken for that of each one
        content[EVENTS_MEDIA] = {}
    if content:
        good["content"] = content
    wrong = {
        status: {"$ref": f"#/components/responses/{_error_name(errors, status)}"}
        for status in ERRORS
    }
    return {str(gives.status): good, **wrong}


def _error_name(errors: ErrorForm, status: str) -> str:
    return f"{errors.name}{status}"


def _error_responses(errors: ErrorForm) -> Json:
    content = {JSON_MEDIA: {"schema": _ref(errors.name)}}
    return {
        _error_name(errors, status): {"description": text, "content": content}
        for status, text in ERRORS.items()
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
