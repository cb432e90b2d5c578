"""Routes of features that are switched off, which say so instead of being unknown.

Answers to res_403 of llama.cpp `tools/server/server.cpp`.
"""

from __future__ import annotations

from typing import NoReturn

from server.api import answers
from server.api.errors import Disabled
from server.api.registry import Routes
from server.api.service import Service

routes = Routes("disabled")


@routes.get("/tools", "/cors-proxy", gives=answers.NOTHING)
def get_disabled(service: Service) -> NoReturn:
    """Always 403: there are no tools, and there is no proxy for them."""
    raise Disabled("this feature is disabled")


@routes.post("/tools", "/cors-proxy", takes=None, gives=answers.NOTHING)
def post_disabled(service: Service) -> NoReturn:
    """Always 403: there are no tools, and there is no proxy for them."""
    raise Disabled("this feature is disabled")
