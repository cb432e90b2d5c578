"""The list of routes: one row each, read by Flask, by auth, by the description and by the router.

A dialect module declares its routes with `@routes.get(...)`, `@routes.post(...)` and
`@routes.delete(...)`; `create_app` binds them to a service. A route can't be declared without
saying what it answers and, if it is posted to, what body it takes (None = it reads none): that and
the first line of the handler's docstring is what `/openapi.json`, `/docs` and
docs/reference/routes.md say of it. Answers to the table in llama.cpp `tools/server/server.cpp`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Blueprint
from flask import Response
from werkzeug.routing import BaseConverter

from server.api.describe import Answer
from server.api.describe import Param
from server.api.errors import LLAMA_SERVER
from server.api.errors import ErrorForm
from server.options.keys import Role
from server.schema import ArraySchema
from server.schema import BodySchema

if TYPE_CHECKING:
    from server.api.service import Service

Handler = Callable[["Service"], Response]
Takes = BodySchema | ArraySchema | None


@dataclass(frozen=True, slots=True)
class Route:
    """One row: where it answers, who may ask, what is asked and answered."""

    method: str
    path: str
    handler: Handler
    gives: Answer
    takes: Takes = None
    aliases: tuple[str, ...] = ()
    params: tuple[Param, ...] = ()
    is_public: bool = False
    """Whether no API key is needed."""
    role: Role = Role.API
    """What a key must open at least."""
    queues: bool = False
    """Whether it has the engine compute something, so that it may have to wait."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path of the route, the canonical one first."""
        return (self.path, *self.aliases)

    @property
    def name(self) -> str:
        """A short name, unique within a dialect."""
        return self.handler.__name__

    @property
    def summary(self) -> str:
        """What it does, in a sentence."""
        return (self.handler.__doc__ or "").partition("\n")[0]


class Rest(BaseConverter):
    """The rest of a path, whatever it is: names of models may begin with a slash."""

    regex = ".+"
    part_isolating = False


class Routes:
    """The routes of one dialect.

    root: the path below which everything is the dialect's, also what it has no route for; errors
    are written there in the dialect's form. "" = there is no such path. alias: another such path.
    """

    def __init__(
        self,
        dialect: str,
        root: str = "",
        errors: ErrorForm = LLAMA_SERVER,
        *,
        alias: str = "",
    ) -> None:
        self.dialect = dialect
        self.roots = tuple(filter(None, (root, alias)))
        self.errors = errors
        self.rows: list[Route] = []

    def covers(self, path: str) -> bool:
        """Whether a path is the dialect's own."""
        return any(path == root or path.startswith(f"{root}/") for root in self.roots)

    def get(
        self,
        path: str,
        *aliases: str,
        gives: Answer,
        params: tuple[Param, ...] = (),
        public: bool = False,
        role: Role = Role.API,
    ) -> Callable[[Handler], Handler]:
        """Declare a GET route (HEAD comes with it)."""
        return self._add(
            lambda handler: Route("GET", path, handler, gives, None, aliases, params, public, role)
        )

    def post(
        self,
        path: str,
        *aliases: str,
        takes: Takes,
        gives: Answer,
        params: tuple[Param, ...] = (),
        public: bool = False,
        role: Role = Role.API,
        queues: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Declare a POST route. queues: see Route; who takes a body and may stream does anyway."""
        return self._add(
            lambda handler: Route(
                "POST",
                path,
                handler,
                gives,
                takes,
                aliases,
                params,
                public,
                role,
                queues or (gives.streams and takes is not None),
            )
        )

    def delete(
        self, path: str, *aliases: str, gives: Answer, params: tuple[Param, ...] = ()
    ) -> Callable[[Handler], Handler]:
        """Declare a DELETE route."""
        return self._add(
            lambda handler: Route("DELETE", path, handler, gives, None, aliases, params)
        )

    def _add(self, row_of: Callable[[Handler], Route]) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            self.rows.append(row_of(handler))
            return handler

        return add

    def blueprint(self, service: Service) -> Blueprint:
        """The rows as Flask wants them, bound to a service."""
        blueprint = Blueprint(self.dialect, self.dialect)
        for row in self.rows:
            view = _bound(row.handler, service)
            for i, path in enumerate(row.paths):
                blueprint.add_url_rule(
                    path,
                    endpoint=f"{row.name}_{i}",
                    view_func=view,
                    methods=[row.method],
                    provide_automatic_options=False,
                )
        return blueprint


def _bound(handler: Handler, service: Service) -> Callable[..., Response]:
    def view(**_in_path: str) -> Response:
        # handlers find the parts of the path in flask's request
        return handler(service)

    return view
