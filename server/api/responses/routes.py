"""OpenAI's Responses: `/v1/responses` and what is below it.

Answers to post_responses_oai of llama.cpp `tools/server/server-context.cpp`, which keeps nothing;
the rest answers to OpenAI's API reference.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

import orjson
from flask import Response
from flask import request as http

from server.api import answers
from server.api import sse
from server.api.describe import BOOL
from server.api.describe import INT
from server.api.describe import TEXT
from server.api.describe import Param
from server.api.describe import one_of
from server.api.errors import JSON_TYPE
from server.api.errors import InvalidRequest
from server.api.errors import NotFound
from server.api.errors import Unavailable
from server.api.generate import respond
from server.api.generate import respond_kept
from server.api.registry import Routes
from server.api.replay import KeptStream
from server.api.responses.answers import DELETED
from server.api.responses.answers import ITEMS
from server.api.responses.answers import RESPONSE
from server.api.responses.errors import FORM
from server.api.responses.form import ResponseForm
from server.api.responses.items import Item
from server.api.responses.job import count_tokens
from server.api.responses.job import make_response_job
from server.api.responses.request import Wish
from server.api.responses.request import parse_wish
from server.api.responses.tools import wrong
from server.api.service import Service
from server.api.wire import json_response
from server.api.wire import read_body
from server.schema import BodySchema
from server.schema import SchemaError
from server.schema import bodies

ID = Param("response_id", "The id of the response.", TEXT, "path", required=True)
STREAM = Param("stream", "Read the events of a response that runs in the background.", BOOL)
AFTER_EVENT = Param("starting_after", "The number of the last event that came.", INT)
LIMIT = Param("limit", "How many items, 1 to 100 (default: 20).", INT)
ORDER = Param("order", "The newest first (desc, the default) or last.", one_of("asc", "desc"))
AFTER = Param("after", "The id of the item behind which to begin.", TEXT)

MOST_ITEMS, SOME_ITEMS = 100, 20

routes = Routes("responses", "/v1/responses", FORM, alias="/responses")


@routes.post("/v1/responses", "/responses", takes=bodies.RESPONSE, gives=RESPONSE)
def create(service: Service) -> Response:
    """Answer a conversation, and keep it to be gone on with."""
    owner = _owner(service)
    wish = _read(service, bodies.RESPONSE)
    if wish.is_background and not service.responses.is_on:
        raise SchemaError(
            "background",
            "Field 'background': this server keeps no responses (--responses-store-mib 0)",
        )
    job = make_response_job(service, wish)
    form = ResponseForm(job, wish, lambda form: service.responses.put(owner, form))
    if not wish.is_background:
        return respond(service, job, form)

    def keep(chunks: Iterator[bytes], cancel: Any) -> Response:
        if not service.responses.put(owner, form):
            raise Unavailable(
                "background: the response can't be kept now, so that nobody could ask for it (the "
                "log says why); ask without background"
            )
        begun = json_response(form.response())
        try:
            stream = service.responses.start(owner, form, chunks, cancel)
        except BaseException:
            service.responses.delete(owner, form.id)
            raise
        return _events(service, stream, -1) if wish.body.get("stream") else begun

    return respond_kept(service, job, form, keep)


@routes.post(
    "/v1/responses/input_tokens",
    "/responses/input_tokens",
    takes=bodies.RESPONSE_TOKENS,
    gives=answers.INPUT_TOKENS,
)
def input_tokens(service: Service) -> Response:
    """How many tokens the prompt of a response has."""
    n_tokens = count_tokens(service, _read(service, bodies.RESPONSE_TOKENS))
    return json_response({"object": "response.input_tokens", "input_tokens": n_tokens})


@routes.get("/v1/responses/<response_id>", gives=RESPONSE, params=(ID, STREAM, AFTER_EVENT))
def retrieve(service: Service) -> Response:
    """A response that is kept, or as far as it has come."""
    response_id = _id()
    found = service.responses.get(_owner(service), response_id)
    if found is None:
        raise _unknown(response_id)
    if http.args.get("stream", "false").lower() not in ("true", "1"):
        return Response(found, content_type=JSON_TYPE)
    stream = service.responses.stream(response_id)
    if stream is None:
        raise InvalidRequest(
            "The events of this response are not kept; ask for it without stream=true"
        )
    return _events(service, stream, _number("starting_after", -1, -1, 1 << 31))


@routes.delete("/v1/responses/<response_id>", gives=DELETED, params=(ID,))
def delete(service: Service) -> Response:
    """Forget a response, and end it if it still runs."""
    response_id = _id()
    if not service.responses.delete(_owner(service), response_id):
        raise _unknown(response_id)
    return json_response({"id": response_id, "object": "response", "deleted": True})


@routes.post("/v1/responses/<response_id>/cancel", takes=None, gives=RESPONSE, params=(ID,))
def cancel(service: Service) -> Response:
    """End a response that runs in the background; one that is over stays what it is."""
    owner, response_id = _owner(service), _id()
    service.responses.cancel(owner, response_id)
    found = service.responses.get(owner, response_id)
    if found is None:
        raise _unknown(response_id)
    if not orjson.loads(found)["background"]:
        raise InvalidRequest("Only a response with background=true can be cancelled")
    return Response(found, content_type=JSON_TYPE)


@routes.get(
    "/v1/responses/<response_id>/input_items", gives=ITEMS, params=(ID, LIMIT, ORDER, AFTER)
)
def input_items(service: Service) -> Response:
    """What a response was given: all of its conversation before its own output."""
    response_id = _id()
    found = service.responses.input_items(_owner(service), response_id)
    if found is None:
        raise _unknown(response_id)
    order = http.args.get("order", "desc")
    if order not in ("asc", "desc"):
        raise SchemaError("order", "Field 'order': must be one of asc, desc")
    items = found if order == "asc" else found[::-1]
    page, has_more = _page(items, _number("limit", SOME_ITEMS, 1, MOST_ITEMS))
    return json_response(
        {
            "object": "list",
            "data": page,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
            "has_more": has_more,
        }
    )


def _page(items: list[Item], limit: int) -> tuple[list[Item], bool]:
    """The items behind `after`, and whether there are more."""
    after, start = http.args.get("after"), 0
    if after:
        places = [i for i, item in enumerate(items) if item["id"] == after]
        if not places:
            raise SchemaError("after", f"Field 'after': there is no item {after!r}")
        start = places[0] + 1
    return items[start : start + limit], len(items) > start + limit


def _read(service: Service, kind: BodySchema) -> Wish:
    """The body of the request at hand, with the conversation that it goes on with."""
    body = read_body(kind)
    owner, previous = _owner(service), body.get("previous_response_id")
    earlier: list[Item] = []
    if isinstance(previous, str) and previous:
        earlier = _earlier(service, owner, previous)
    return parse_wish(body, earlier, lambda item_id: service.responses.item(owner, item_id))


def _earlier(service: Service, owner: str, previous: str) -> list[Item]:
    field = "previous_response_id"
    if service.responses.is_running(owner, previous):
        raise wrong(field, f"'{previous}' is not done yet; wait for it, or cancel it")
    found = service.responses.history(owner, previous)
    if found is None:
        raise wrong(field, f"Previous response '{previous}' not found; send its conversation again")
    return found


def _events(service: Service, stream: KeptStream, last: int) -> Response:
    """The events of a run behind the last one that the client has."""
    watch = service.watchers.watch(http.environ, stream.wake)
    reader = stream.read(stream.n_dropped if last < 0 else 0, watch.is_gone, watch.poll_s)

    def close() -> None:
        reader.close()
        watch.close()

    first = [b""] if not sse.opening(http.environ) else []
    return sse.stream_response(itertools.chain(first, _behind(reader, last + 1)), close)


def _behind(chunks: Iterable[bytes], n_events: int) -> Iterator[bytes]:
    """Chunks without their first events; comments count for none."""
    for chunk in chunks:
        if not n_events:
            yield chunk
            continue
        rest = b""
        for event in chunk.split(sse.END)[:-1]:
            if n_events and not event.startswith(b":"):
                n_events -= 1
            else:
                rest += event + sse.END
        if rest:
            yield rest


def _owner(service: Service) -> str:
    return service.keys.owner(http.headers)


def _id() -> str:
    return str((http.view_args or {})["response_id"])


def _unknown(response_id: str) -> NotFound:
    return NotFound(f"Response with id '{response_id}' not found.")


def _number(name: str, default: int, low: int, high: int) -> int:
    text = http.args.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise SchemaError(name, f"Field '{name}': expected a number between {low} and {high}")
    return value
