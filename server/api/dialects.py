"""All dialects that the server speaks, in the order in which they are described.

A new dialect is a line here; the application, the API description, the reference pages and Vertex
AI's routes follow.
"""

from __future__ import annotations

from server.api import adapters
from server.api import disabled
from server.api import embeddings
from server.api import health
from server.api import infill
from server.api import metrics
from server.api import models
from server.api import native
from server.api import openai_chat
from server.api import openai_completions
from server.api import props
from server.api import reasoning
from server.api import rerank
from server.api import slots
from server.api import streams
from server.api import tokens
from server.api.description import description_routes
from server.api.errors import LLAMA_SERVER
from server.api.errors import ErrorForm
from server.api.messages import routes as messages
from server.api.registry import Route
from server.api.registry import Routes
from server.api.responses import routes as responses

SPOKEN: tuple[Routes, ...] = (
    openai_chat.routes,
    reasoning.routes,
    responses.routes,
    messages.routes,
    openai_completions.routes,
    native.routes,
    infill.routes,
    embeddings.routes,
    rerank.routes,
    streams.routes,
    tokens.routes,
    models.routes,
    health.routes,
    props.routes,
    slots.routes,
    metrics.routes,
    adapters.routes,
    disabled.routes,
)

DIALECTS = (*SPOKEN, description_routes(SPOKEN))


def all_routes() -> list[Route]:
    """Every route that there is."""
    return [row for dialect in DIALECTS for row in dialect.rows]


def error_form(path: str) -> ErrorForm:
    """How errors are written at a path (without --api-prefix), be there a route or not."""
    for dialect in SPOKEN:
        if dialect.covers(path):
            return dialect.errors
    return LLAMA_SERVER
