"""The WSGI application: routes, checks before them, headers after them.

`create_app` binds the dialects of `server/api` to one engine. It starts nothing and reads no
environment; who runs it (gunicorn, waitress, a test client) does not matter. Answers to llama.cpp
`tools/server/server-http.cpp`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask
from flask import Response
from flask import g
from flask import request

from server.access_log import AccessLog
from server.api.admission import drop_ticket
from server.api.admission import hold
from server.api.auth import Client
from server.api.cors import Cors
from server.api.dialects import DIALECTS
from server.api.dialects import all_routes
from server.api.dialects import error_form
from server.api.errors import Forbidden
from server.api.errors import WrongKey
from server.api.errors import register_error_handlers
from server.api.hosts import Hosts
from server.api.pages import add_pages
from server.api.registry import Rest
from server.api.registry import Route
from server.api.service import Refuses
from server.api.service import Service
from server.api.vertex import add_vertex_routes
from server.api.webui import webui_paths
from server.engine.client import EngineClient
from server.options.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

SERVER_NAME = "llama.cpp"
"""What clients that look for llama-server find in the Server header."""

EXTENSION = "llamactl"
"""Where the application keeps its service."""

MIB = 1 << 20


def create_app(
    settings: Settings,
    engine: EngineClient,
    refuses: Refuses | None = None,
    tracer_provider: TracerProvider | None = None,
) -> Flask:
    """The application, which serves 503 until the engine is ready; refuses: see there.

    tracer_provider: what records a span of each request; None = nothing does.
    """
    app = Flask("llamactl", static_folder=None)
    # a doubled slash is another path, as in the reference, and no redirection
    app.url_map.merge_slashes = False
    app.url_map.converters["rest"] = Rest
    app.config["MAX_CONTENT_LENGTH"] = settings.http.max_body_mib * MIB
    service = Service(settings, engine, refuses)
    app.extensions[EXTENSION] = service
    prefix = settings.http.api_prefix
    for dialect in DIALECTS:
        app.register_blueprint(dialect.blueprint(service), url_prefix=prefix or None)
    add_pages(app, service)
    add_vertex_routes(app, service, all_routes())
    register_error_handlers(app, lambda path: error_form(path.removeprefix(prefix)))
    AccessLog(settings.log).watch(app)
    if tracer_provider is not None:
        from server.tracing import Tracing

        Tracing(tracer_provider, lambda: _model_name(service)).watch(app)
    _check_requests(app, service, prefix, _page_paths(settings))
    _add_headers(app, _cors(settings))
    return app


def reload_keys(app: Flask) -> None:
    """Have an application read its API keys again. OptionError; the old keys stay then."""
    service: Service = app.extensions[EXTENSION]
    service.reload_keys()


def _model_name(service: Service) -> str:
    return "" if service.engine.board.info is None else service.model().name


def _page_paths(settings: Settings) -> frozenset[str]:
    """What is served without a key and while the model loads: the page, if there is one."""
    prefix = settings.http.api_prefix
    if settings.ui.has_own_page:
        return webui_paths(prefix)
    return frozenset({f"{prefix}/"} if settings.ui.has_page else ())


def _public_paths(prefix: str) -> frozenset[str]:
    """What else is served without a key; `/` is public even where it is nothing."""
    public = {prefix + path for row in all_routes() if row.is_public for path in row.paths}
    return frozenset(public | {f"{prefix}/"})


def _cors(settings: Settings) -> Cors:
    http = settings.http
    return Cors(http.cors_origins, http.cors_methods, http.cors_headers, http.cors_credentials)


def _check_requests(app: Flask, service: Service, prefix: str, pages: frozenset[str]) -> None:
    """The host; then in the reference's order preflight, state, key; then what a key may."""
    keys, public = service.keys, pages | _public_paths(prefix)
    hosts = Hosts(service.settings.http.allowed_hosts)
    rows = {(row.method, prefix + path): row for row in all_routes() for path in row.paths}

    def check() -> Response | None:
        if not hosts.allows(request.headers.get("Host", "")):
            raise Forbidden("The Host header names none of this server's names (--allowed-hosts)")
        if request.method == "OPTIONS":
            return Response("", content_type="text/html")
        if request.path not in pages:
            service.check_ready()
        is_known = not keys.is_needed or request.path in public
        client = keys.everybody if is_known else keys.identify(request.headers)
        if client is None:
            raise WrongKey("Invalid API Key")
        if request.url_rule is not None:
            method = "GET" if request.method == "HEAD" else request.method
            _admit(service, client, rows.get((method, request.url_rule.rule)))
        return None

    app.before_request(check)
    app.teardown_request(lambda _: drop_ticket())


def _admit(service: Service, client: Client, row: Route | None) -> None:
    """Let a request pass to its route. Forbidden, Overloaded, RateLimited."""
    g.client = client
    if row is None:
        return
    if not client.may(row.role):
        raise Forbidden(f"This API key (role {client.entry.role.value}) may not ask {row.path}")
    if row.queues:
        if not client.may_use(service.model().aliases):
            raise Forbidden(f"This API key may not ask the model {service.model().name}")
        hold(service.admission.enter(client))


def _add_headers(app: Flask, cors: Cors) -> None:
    def add(response: Response) -> Response:
        response.headers.update(cors.response_headers(request.headers.get("Origin", "")))
        if request.method == "OPTIONS":
            response.headers.update(cors.preflight_headers())
        # gunicorn writes a Server header of its own
        if "gunicorn.socket" not in request.environ:
            response.headers["Server"] = SERVER_NAME
        return response

    app.after_request(add)
