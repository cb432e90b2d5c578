"""The variables by which Google's Vertex AI tells a container how it is asked.

They count if AIP_MODE is PREDICTION. Answers to gcp_params in llama.cpp
`tools/server/server-http.cpp`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from server.errors import OptionError
from server.options.parsers import port
from server.values import BadValue

MODE = "AIP_MODE"
PORT = "AIP_HTTP_PORT"
HEALTH_ROUTE = "AIP_HEALTH_ROUTE"
PREDICT_ROUTE = "AIP_PREDICT_ROUTE"


@dataclass(frozen=True, slots=True)
class Vertex:
    """What Vertex AI asks, and where."""

    port: int
    health_path: str
    """'' = none besides our own."""
    predict_path: str


def vertex_from(environ: Mapping[str, str]) -> Vertex | None:
    """None = this is no container of Vertex AI. OptionError."""
    if environ.get(MODE) != "PREDICTION":
        return None
    try:
        number = port(environ.get(PORT) or "8080")
    except BadValue as error:
        raise OptionError(f"{PORT}: {error}") from None
    health, predict = environ.get(HEALTH_ROUTE) or "", environ.get(PREDICT_ROUTE) or "/predict"
    return Vertex(number, _rooted(health), _rooted(predict))


def _rooted(path: str) -> str:
    return path if path.startswith("/") or not path else f"/{path}"
