"""`/health`: whether the model is loaded and requests are served.

While it loads, the app itself answers every route with 503. Afterwards this handler says ok, unless
the engine hangs.
"""

from __future__ import annotations

from flask import Response

from server.api import answers
from server.api.errors import Unavailable
from server.api.registry import Routes
from server.api.service import Service
from server.api.wire import json_response

routes = Routes("health")


@routes.get("/health", "/v1/health", gives=answers.HEALTH, public=True)
def health(service: Service) -> Response:
    """200 as soon as requests are served; 503 while a step takes longer than it can."""
    overdue_s = service.engine.overdue_s
    if overdue_s:
        raise Unavailable(
            f"The engine hangs: its step is {overdue_s:.0f} s over the longest that it can take"
        )
    return json_response({"status": "ok"})
