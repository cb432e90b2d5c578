"""The list of routes: one row each, read by Flask, by auth, by the docs and by the router.

A dialect module declares its routes with `@routes.get(...)` and `@routes.post(...)`; `create_app`
binds them to a service. Answers to the table in llama.cpp `tools/server/server.cpp`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Blueprint
from flask import Response

if TYPE_CHECKING:
    from server.api.service import Service

Handler = Callable[["Service"], Response]


@dataclass(frozen=True, slots=True)
class Route:
    """One row: where it answers, and who may ask."""

    method: str
    path: str
    handler: Handler
    aliases: tuple[str, ...] = ()
    is_public: bool = False
    """Whether no API key is needed."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path of the route, the canonical one first."""
        return (self.path, *self.aliases)

    @property
    def name(self) -> str:
        """A short name, unique within a dialect."""
        return self.handler.__name__


class Routes:
    """The routes of one dialect."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.rows: list[Route] = []

    def get(self, path: str, *aliases: str, public: bool = False) -> Callable[[Handler], Handler]:
        """Declare a GET route (HEAD comes with it)."""
        return self._add("GET", path, aliases, public)

    def post(self, path: str, *aliases: str, public: bool = False) -> Callable[[Handler], Handler]:
        """Declare a POST route."""
        return self._add("POST", path, aliases, public)

    def _add(
        self, method: str, path: str, aliases: tuple[str, ...], is_public: bool
    ) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            self.rows.append(Route(method, path, handler, aliases, is_public))
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
