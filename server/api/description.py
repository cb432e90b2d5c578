"""`/openapi.json` and `/docs`: what there is to ask, for programs and for people.

The page is made of files of this package and shows the document; it loads nothing from elsewhere,
so that it works offline and under a strict policy. llama-server has neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import orjson
from flask import Response
from flask import request as http

from server.api.describe import HTML_MEDIA
from server.api.describe import OBJECT
from server.api.describe import TEXT
from server.api.describe import Answer
from server.api.describe import Param
from server.api.errors import NotFound
from server.api.openapi import document
from server.api.registry import Routes
from server.api.service import Service

FOLDER = files("server.api") / "reference_page"
TYPES = {
    "index.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "schema.js": "text/javascript; charset=utf-8",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

DOCUMENT = Answer("The OpenAPI 3.1 document.", "OpenAPI", OBJECT)
PAGE = Answer("The page.", media=HTML_MEDIA)
ASSET = Answer("The file.", media="text/*")
NAME = Param("name", "The name of the file.", TEXT, place="path", required=True)


def description_routes(dialects: Sequence[Routes]) -> Routes:
    """The routes that describe these dialects, and themselves."""
    routes = Routes("description")

    @cache
    def described(prefix: str) -> bytes:
        return orjson.dumps(document([*dialects, routes], prefix))

    @routes.get("/openapi.json", gives=DOCUMENT)
    def openapi(service: Service) -> Response:
        """All routes, bodies and answers as an OpenAPI 3.1 document."""
        prefix = service.settings.http.api_prefix
        return Response(described(prefix), content_type="application/json")

    @routes.get("/docs", gives=PAGE)
    def page(service: Service) -> Response:
        """The same for people, with commands to try; it needs nothing from elsewhere."""
        return _file("index.html")

    @routes.get("/docs/<name>", gives=ASSET, params=(NAME,))
    def page_file(service: Service) -> Response:
        """A script or style of that page."""
        return _file((http.view_args or {}).get("name", ""))

    return routes


def _file(name: str) -> Response:
    if name not in TYPES:
        raise NotFound("File Not Found")
    return Response(_read(name), content_type=TYPES[name], headers=HEADERS)


@cache
def _read(name: str) -> bytes:
    return (FOLDER / name).read_bytes()
