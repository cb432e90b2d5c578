"""An HTTP server in a thread that gives prepared answers: other people's servers, good and bad."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Scripted:
    """Answers by path; an answer is JSON, or bytes that are sent as they are."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)  # path and body


def vectors(*values: list[float]) -> dict[str, Any]:
    """An answer of /v1/embeddings."""
    return {"data": [{"index": i, "embedding": value} for i, value in enumerate(values)]}


def scores(*values: float) -> dict[str, Any]:
    """An answer of /v1/rerank."""
    return {"results": [{"index": i, "relevance_score": value} for i, value in enumerate(values)]}


def events(*payloads: object) -> bytes:
    """An SSE body; text is sent as it is."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in payloads]
    return "".join(f"data: {line}\n\n" for line in lines).encode()


@contextmanager
def scripted_server() -> Iterator[Scripted]:
    """On a free loopback port, for as long as the block runs."""
    script = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: Any) -> None:
            script.asked.append((self.path, body))
            answer = script.answers.get(self.path)
            if callable(answer):
                answer = answer(body)
            self.send_response(404 if answer is None else 200)
            self.end_headers()
            self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
