"""A line in the log for each HTTP request, and the name by which all lines of a request call it.

The name is that of `X-Request-Id`, or made here, and goes back with the answer. A line says who
asked for what and how it ended; never a query string, a header or a body, and of a key only its
name. It knows no route.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from flask import Flask
from flask import Response
from flask import g
from flask import request

from server.logs import REQUEST_ID
from server.logs import TRACE
from server.options.feature_settings import LogSettings

HEADER = "X-Request-Id"
"""The header by which clients, proxies and logs name a request."""

PLAIN = "/:@!$&'()*+,;=~"
"""What stays as it is of a path."""

_READABLE = re.compile(r"[!-~]{1,128}")

_access = logging.getLogger("llamactl.access")
_slow = logging.getLogger("llamactl.slow")


class Counted:
    """The chunks of a streamed answer, and what became of them."""

    def __init__(self, chunks: Iterable[Any]) -> None:
        self._chunks = iter(chunks)
        self._close = getattr(chunks, "close", None)
        self.n_bytes = 0
        self.is_complete = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            chunk: bytes = next(self._chunks)
        except StopIteration:
            self.is_complete = True
            raise
        self.n_bytes += len(chunk)
        return chunk

    def close(self) -> None:
        """As that of the chunks."""
        if self._close is not None:
            self._close()


@dataclass(frozen=True, slots=True)
class Access:
    """A request that was answered. ms: from its headers to the end of the answer."""

    remote: str
    method: str
    path: str
    status: int
    n_bytes: int
    ms: float
    client: str
    """The name of the key; '' = there are none."""
    dialect_id: str
    """What Anthropic's clients call it; '' = they did not ask."""
    is_complete: bool

    def text(self) -> str:
        """The line."""
        client = f" key {self.client}" if self.client else ""
        other = f" ({self.dialect_id})" if self.dialect_id else ""
        end = "" if self.is_complete else "; the client went away"
        return (
            f"{self.remote}{client} {self.method} {self.path} {self.status}"
            f" {self.n_bytes} bytes {self.ms:.1f} ms{other}{end}"
        )

    def fields(self) -> dict[str, object]:
        """The same for programs."""
        named = {"key": self.client, "dialect_request_id": self.dialect_id}
        return {
            "remote": self.remote,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "bytes": self.n_bytes,
            "ms": round(self.ms, 1),
            "complete": self.is_complete,
            **{name: value for name, value in named.items() if value},
        }


class AccessLog:
    """What is logged of requests, by the options."""

    def __init__(self, settings: LogSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._level = logging.INFO if settings.log_access else TRACE
        self._slow_ms = settings.log_slow_ms
        self._clock = clock

    def watch(self, app: Flask) -> None:
        """Name and log every request. Call it before other checks are added to the app."""
        app.before_request(self._begin)
        app.after_request(self._end)

    def _begin(self) -> None:
        g.began = self._clock()
        g.http_id = _request_id(request.headers.get(HEADER, ""))
        REQUEST_ID.set(g.http_id)

    def _end(self, response: Response) -> Response:
        response.headers[HEADER] = g.http_id
        # a connection's next request, and what comes before it, are others
        response.call_on_close(partial(REQUEST_ID.set, ""))
        if self._slow_ms or _access.isEnabledFor(self._level):
            response.call_on_close(self._closing(response))
        return response

    def _closing(self, response: Response) -> Callable[[], None]:
        """What is called when the answer was sent, or can't be sent any more."""
        began, status = g.began, response.status_code
        remote, method = request.remote_addr or "-", request.method
        path = quote(request.path, safe=PLAIN)
        client = g.client.owner if "client" in g else ""
        dialect_id, http_id = g.get("request_id", ""), g.http_id
        counted = None
        if response.is_streamed and not response.direct_passthrough:
            counted = response.response = Counted(response.response)
        n_bytes = response.content_length or 0

        def close() -> None:
            ms = (self._clock() - began) * 1e3
            size = n_bytes if counted is None else counted.n_bytes
            is_complete = counted is None or counted.is_complete
            access = Access(remote, method, path, status, size, ms, client, dialect_id, is_complete)
            self._write(access, http_id)

        return close

    def _write(self, access: Access, http_id: str) -> None:
        extra = {"request_id": http_id, "fields": access.fields()}
        _access.log(self._level, "%s", access.text(), extra=extra)
        if self._slow_ms and access.ms >= self._slow_ms:
            _slow.warning("slow: %s", access.text(), extra=extra)


def _request_id(given: str) -> str:
    """The name that the client or a proxy gave; a new one where that is none."""
    return given if _READABLE.fullmatch(given) else uuid.uuid4().hex
