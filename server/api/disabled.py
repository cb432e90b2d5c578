"""Routes of features that are switched off, which say so instead of being unknown.

Answers to res_403 of llama.cpp `tools/server/server.cpp`.
"""

from __future__ import annotations

from typing import NoReturn

from server.api.errors import Disabled
from server.api.registry import Routes
from server.api.service import Service

routes = Routes("disabled")


@routes.get("/tools", "/cors-proxy")
def get_disabled(service: Service) -> NoReturn:
    """Tools and the proxy for them."""
    raise Disabled("this feature is disabled")


@routes.post("/tools", "/cors-proxy")
def post_disabled(service: Service) -> NoReturn:
    """As get_disabled."""
    raise Disabled("this feature is disabled")
