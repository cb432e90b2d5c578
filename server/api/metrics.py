"""`/metrics`: counters for Prometheus, read from the engine's last snapshot.

Nothing is asked of the engine, so the answer comes at once however busy it is. What is counted is
said in `exposition`. Answers to get_metrics of llama.cpp `tools/server/server-context.cpp`.
"""

from __future__ import annotations

from flask import Response

from server.api import answers
from server.api.errors import NotSupported
from server.api.registry import Routes
from server.api.service import Service
from server.options.keys import Role

CONTENT_TYPE = "text/plain; version=0.0.4"

routes = Routes("metrics")


@routes.get("/metrics", gives=answers.METRICS, role=Role.METRICS)
def get_metrics(service: Service) -> Response:
    """All counters in Prometheus's text form."""
    if not service.settings.http.endpoint_metrics:
        raise NotSupported(
            "This server does not support metrics endpoint. Start it with `--metrics`"
        )
    metrics = service.metrics
    response = Response(metrics.text(), content_type=CONTENT_TYPE)
    response.headers["Process-Start-Time-Unix"] = str(int(metrics.started_at))
    return response
