"""A server that writes a given text at a given pace: to measure the page by, not to judge it.

It serves the page as the real one does, knows the few routes that the page asks, and nothing of
models. What the page does with a real model is asked of the real server.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from flask import Flask
from flask import Response
from werkzeug.serving import WSGIRequestHandler
from werkzeug.serving import make_server

from server.api.webui import add_webui

TOKEN_CHARS = 4
PROPS = {
    "model_alias": "paced",
    "total_slots": 1,
    "modalities": {"vision": False, "audio": False},
    "default_generation_settings": {"n_ctx": 8192, "params": {}},
}


class Quiet(WSGIRequestHandler):
    """Requests are not logged."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


@dataclass(slots=True)
class PacedServer:
    """Where it is, and whether an answer was written to its end."""

    url: str
    is_done: threading.Event


@contextmanager
def serving(text: str, tokens_per_s: float) -> Iterator[PacedServer]:
    """A server whose every answer is this text."""
    is_done = threading.Event()
    with listening(_app(text, tokens_per_s, is_done)) as url:
        yield PacedServer(url, is_done)


@contextmanager
def listening(app: Flask) -> Iterator[str]:
    """An application on a free port of the loopback interface; its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def n_tokens(text: str) -> int:
    """In how many tokens a text is sent."""
    return -(-len(text) // TOKEN_CHARS)


def _app(text: str, tokens_per_s: float, is_done: threading.Event) -> Flask:
    app = Flask(__name__)
    add_webui(app, "")
    app.add_url_rule("/health", view_func=lambda: {"status": "ok"}, endpoint="health")
    app.add_url_rule("/props", view_func=lambda: PROPS, endpoint="props")
    app.add_url_rule("/v1/models", view_func=lambda: {"data": []}, endpoint="models")

    @app.post("/v1/chat/completions")
    def answer() -> Response:
        events = _events(text, tokens_per_s, is_done)
        return Response(events, mimetype="text/event-stream")

    return app


def _events(text: str, tokens_per_s: float, is_done: threading.Event) -> Iterator[str]:
    begun = time.monotonic()
    for i in count():
        piece = text[i * TOKEN_CHARS : (i + 1) * TOKEN_CHARS]
        time.sleep(max(0.0, begun + i / tokens_per_s - time.monotonic()))
        timings = {"cache_n": 0, "prompt_n": 9000, "predicted_n": i, "predicted_per_second": 200.0}
        delta = {"content": piece} if piece else {}
        choice = {"index": 0, "delta": delta, "finish_reason": None if piece else "stop"}
        chunk = {"model": "paced", "choices": [choice], "timings": timings}
        yield f"id: {i}\ndata: {json.dumps(chunk)}\n\n"
        if not piece:
            yield "data: [DONE]\n\n"
            is_done.set()
            return
