"""`/v1/stream`: streams with a conversation id, which go on without their client.

A streamed request that has the header `X-Conversation-Id` is kept (`replay`): whoever knows the id
reads it again from any place, as a browser's EventSource does, and DELETE ends it. Answers to the
handlers of llama.cpp `tools/server/server-stream.cpp`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from collections.abc import Iterable

from flask import Response
from flask import request as http

from server.api import sse
from server.api.describe import BOOL
from server.api.describe import EVENTS_MEDIA
from server.api.describe import INT
from server.api.describe import TEXT
from server.api.describe import Answer
from server.api.describe import Param
from server.api.describe import array
from server.api.describe import record
from server.api.errors import InvalidRequest
from server.api.errors import NotFound
from server.api.registry import Routes
from server.api.replay import KeptStream
from server.api.replay import OffsetLost
from server.api.service import Service
from server.api.wire import json_response
from server.api.wire import read_body
from server.schema import bodies

CONVERSATION = "X-Conversation-Id"
LAST_EVENT = "Last-Event-ID"

KEY = Param("conv_id", "The id of the conversation.", TEXT, required=True)
FROM = Param("from", "How many bytes of the stream to leave out (default: 0).", TEXT)
LAST = Param(LAST_EVENT, "The id of the last event that came; counts more.", TEXT, place="header")

EVENTS = Answer("The events, as they were sent to the first client.", media=EVENTS_MEDIA)
GONE = Answer("It has ended, or there is none.", status=204)
STREAMS = Answer(
    "The streams that are kept, of those asked for.",
    "Streams",
    array(
        record(
            {
                "conversation_id": TEXT,
                "is_done": BOOL,
                "total_bytes": INT,
                "started_at": INT,
                "completed_at": INT,
            }
        )
    ),
)

routes = Routes("streams")


def conversation_id() -> str:
    """The header of the request at hand; "" = it belongs to its connection, as usual."""
    # WSGI hands over the bytes of headers as Latin-1
    raw = http.headers.get(CONVERSATION, "").encode("latin-1", "replace")
    return raw.decode("utf-8", "replace")


def keep(
    service: Service, key: str, chunks: Iterable[bytes], cancel: Callable[[], None]
) -> Response:
    """Answer with a stream that goes on without its client. Unavailable if too many are kept."""
    return _answer(service, service.streams.start(key, chunks, cancel), 0)


@routes.get("/v1/stream", gives=EVENTS, params=(KEY, FROM, LAST))
def read_stream(service: Service) -> Response:
    """Read the stream of a conversation again, from a place on, and what is still to come."""
    stream = service.streams.get(_key())
    if stream is None:
        raise NotFound("Stream not found or expired")
    last = http.headers.get(LAST_EVENT)
    place = _place(LAST_EVENT, last) if last else _place("from", http.args.get("from") or "0")
    if place < stream.n_dropped:
        raise OffsetLost
    if last and stream.is_done and place >= stream.n_total:
        return Response(status=204)  # an EventSource would ask for ever
    return _answer(service, stream, place)


@routes.delete("/v1/stream", gives=GONE, params=(KEY,))
def end_stream(service: Service) -> Response:
    """End the stream of a conversation and forget it; there need not be one."""
    service.streams.discard(_key())
    return Response(status=204, content_type="application/json")


@routes.post("/v1/streams/lookup", takes=bodies.LOOKUP, gives=STREAMS)
def look_up(service: Service) -> Response:
    """Which of these conversations have a stream; nobody can list those of others."""
    wanted = read_body(bodies.LOOKUP).get("conversation_ids")
    keys = [key for key in wanted if isinstance(key, str)] if isinstance(wanted, list) else []
    return json_response([_row(stream) for stream in service.streams.matching(keys)])


def _answer(service: Service, stream: KeptStream, place: int) -> Response:
    watch = service.watchers.watch(http.environ, stream.wake)
    reader = stream.read(place, watch.is_gone, watch.poll_s)

    def close() -> None:
        reader.close()
        watch.close()

    # where an empty chunk sends the headers, it does so now
    first = [b""] if not sse.opening(http.environ) else []
    return sse.stream_response(itertools.chain(first, reader), close)


def _key() -> str:
    key = http.args.get("conv_id", "")
    if not key:
        raise InvalidRequest("Missing conversation id in path")
    return key


def _place(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise InvalidRequest(f"Invalid '{name}' offset")
    return int(text)


def _row(stream: KeptStream) -> dict[str, object]:
    return {
        "conversation_id": stream.key,
        "is_done": stream.is_done,
        "total_bytes": stream.n_total,
        "started_at": stream.started_at,
        "completed_at": stream.completed_at,
    }
