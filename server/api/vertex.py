"""Google Vertex AI's way of asking: a list of instances, each a request to one of our routes.

An instance names its route by `@requestFormat`, as a path or in camel case ("chatCompletions");
the rest of it is that route's body. They are asked at the same time, each on its own, so that one
that fails spoils no other. Answers to register_gcp_compat in llama.cpp
`tools/server/server-http.cpp`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import orjson
from flask import Flask
from flask import Response
from flask import request

from server.api.blocking import run_all
from server.api.errors import InvalidRequest
from server.api.errors import error_body
from server.api.health import health
from server.api.registry import Route
from server.api.service import Service
from server.api.wire import json_response
from server.api.wire import read_json
from server.errors import OptionError
from server.options.vertex import PREDICT_ROUTE

FORMAT = "@requestFormat"
MAX_INSTANCES = 128

_NOT_FOR_THE_PART = ("HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_ENCODING", "HTTP_EXPECT")


def add_vertex_routes(app: Flask, service: Service, rows: Iterable[Route]) -> None:
    """Have an application answer Vertex AI, if it is to. OptionError if its path is taken."""
    vertex, prefix = service.settings.vertex, service.settings.http.api_prefix
    if vertex is None:
        return
    by_path = {path: row for row in rows for path in row.paths}
    if vertex.predict_path in by_path:
        raise OptionError(
            f"{PREDICT_ROUTE}: {vertex.predict_path} is a route of this server; choose another"
        )
    targets = _targets(by_path)

    def add(method: str, path: str, view: Callable[[], Response]) -> None:
        app.add_url_rule(
            prefix + path, path, view, methods=[method], provide_automatic_options=False
        )

    add("POST", vertex.predict_path, lambda: _predict(app, prefix, targets))
    if vertex.health_path and vertex.health_path not in by_path:
        add("GET", vertex.health_path, lambda: health(service))


def camel_case(path: str) -> str:
    """The name of a route without slashes: /v1/chat/completions is chatCompletions."""
    words = re.split(r"[/_-]+", re.sub(r"^/v1(?=/)", "", path).strip("/"))
    return words[0] + "".join(word[:1].upper() + word[1:] for word in words[1:])


def _targets(by_path: Mapping[str, Route]) -> dict[str, tuple[str, str]]:
    """What a format may be -> method and path. Routes with parts to fill in can't be asked."""
    targets: dict[str, tuple[str, str]] = {}
    for path, row in sorted(by_path.items()):
        if "<" not in path:
            targets[path] = (row.method, path)
            # in the order of paths /v1/... comes last: the OpenAI form of a name wins
            targets[camel_case(path)] = (row.method, path)
    return targets


def _predict(app: Flask, prefix: str, targets: Mapping[str, tuple[str, str]]) -> Response:
    instances = read_json().get("instances")
    if not isinstance(instances, list):
        raise InvalidRequest('The request body must have an array "instances"')
    if len(instances) > MAX_INSTANCES:
        raise InvalidRequest(f'"instances" may have at most {MAX_INSTANCES} elements')
    environ = dict(request.environ)
    works = [
        functools.partial(_prediction, app, prefix, targets, environ, instance)
        for instance in instances
    ]
    return json_response({"predictions": run_all(works)})


def _prediction(
    app: Flask,
    prefix: str,
    targets: Mapping[str, tuple[str, str]],
    environ: Mapping[str, Any],
    instance: object,
) -> object:
    """The answer to one instance, or the error that it ended with."""
    try:
        body = _body_of(instance)
        name = body.pop(FORMAT)
        if name not in targets:
            raise InvalidRequest(f'"{FORMAT}": no route is called {name}')
        method, path = targets[name]
        part = _environ_of(environ, method, prefix + path, body)
    except InvalidRequest as error:
        return orjson.loads(error_body(error))
    with app.request_context(part):
        response = app.full_dispatch_request()
        try:
            return _json_of(response)
        finally:
            response.close()


def _body_of(instance: object) -> dict[str, Any]:
    if not isinstance(instance, dict):
        raise InvalidRequest("Each instance must be a JSON object")
    if not isinstance(instance.get(FORMAT), str):
        raise InvalidRequest(f'Each instance must have a string "{FORMAT}"')
    # an answer in pieces has no place in a list
    return instance | {"stream": False} if "stream" in instance else dict(instance)


def _environ_of(
    environ: Mapping[str, Any], method: str, path: str, body: Mapping[str, Any]
) -> dict[str, Any]:
    """The WSGI environment of a part, which is asked by the client of the whole."""
    raw = orjson.dumps(body)
    part = {key: value for key, value in environ.items() if key not in _NOT_FOR_THE_PART}
    return part | {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(raw)),
        "wsgi.input": BytesIO(raw),
    }


def _json_of(response: Response) -> object:
    data = response.get_data()
    try:
        return orjson.loads(data) if data else None
    except orjson.JSONDecodeError:
        return data.decode("utf-8", "replace")
