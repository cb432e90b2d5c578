"""`/health`: whether the model is loaded and requests are served.

While it loads, the app itself answers every route with 503, so that this handler only says ok.
"""

from __future__ import annotations

from flask import Response

from server.api import answers
from server.api.registry import Routes
from server.api.service import Service
from server.api.wire import json_response

routes = Routes("health")


@routes.get("/health", "/v1/health", gives=answers.HEALTH, public=True)
def health(service: Service) -> Response:
    """200 as soon as requests are served."""
    return json_response({"status": "ok"})
