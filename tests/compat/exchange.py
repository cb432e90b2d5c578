"""One question to a server and its answer, both as JSON, so that they can be stored.

It knows HTTP, server-sent events and Prometheus's text form, and no dialect. A body that is no JSON
is kept as text, in requests byte for byte as Latin-1. Comments of an event stream are left out: a
clock makes them. So are ids of events, which only we give, and metrics that are not llama.cpp's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from tests.e2e import wire

Json = Any
CORS = "access-control-"


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. body: any JSON; raw: bytes as Latin-1 instead of it; neither: no body."""

    method: str
    path: str
    body: Json = None
    raw: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Without what is not there."""
        shown: dict[str, Json] = {"method": self.method, "path": self.path}
        if self.body is not None:
            shown["body"] = self.body
        if self.raw is not None:
            shown["raw"] = self.raw
        if self.headers:
            shown["headers"] = self.headers
        return shown


@dataclass(frozen=True, slots=True)
class Case:
    """A request by name. setup: sent before it. interleaves: several tasks stream side by side."""

    name: str
    request: Request
    setup: tuple[Request, ...] = ()
    interleaves: bool = False

    def to_json(self) -> list[dict[str, Json]]:
        """All requests, the one in question last."""
        return [request.to_json() for request in (*self.setup, self.request)]


def ask(url: str, case: Case) -> dict[str, Json]:
    """Send a case's requests; the answer to the last of them."""
    for request in case.setup:
        _send(url, request)
    reply = _send(url, case.request)
    answer: dict[str, Json] = {
        "status": reply.status,
        "content_type": reply.headers.get("content-type", "").lower(),
    }
    if "Origin" in case.request.headers:
        headers = reply.headers.items()
        answer["headers"] = {name: value for name, value in headers if name.startswith(CORS)}
    if reply.content_type == "text/event-stream":
        events = list(_events(reply.body.decode()))
        answer["events"] = sorted(events, key=_task_of) if case.interleaves else events
    elif reply.body:
        answer["body"] = _parsed(reply)
    return answer


def _send(url: str, request: Request) -> wire.Reply:
    body = request.raw.encode("latin-1") if request.raw is not None else request.body
    return wire.request(url, request.path, body, method=request.method, headers=request.headers)


def _parsed(reply: wire.Reply) -> Json:
    if reply.content_type == "application/json":
        return reply.json
    text = reply.body.decode("utf-8", "replace")
    return dict(_metrics(text)) if text.startswith("# HELP") else text


def _metrics(text: str) -> Iterator[tuple[str, Json]]:
    """The type of every metric, and its value where no clock makes it."""
    types: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            types[name] = kind
        elif line.startswith("llamacpp:"):
            name, value = line.split()
            is_timed = "seconds" in name
            yield name, {"type": types[name], "value": None if is_timed else float(value)}


def _events(text: str) -> Iterator[Json]:
    """The payload of every `data:` line, [DONE] as text; other lines as they are."""
    for line in text.splitlines():
        if not line or line.startswith((":", "id:")):
            continue
        payload = line.removeprefix("data: ")
        yield json.loads(payload) if payload.startswith("{") else payload


def _task_of(event: Json) -> float:
    """Sorts events by the task that they belong to, the rest (usage, [DONE]) behind them."""
    if not isinstance(event, dict):
        return float("inf")
    choices = event.get("choices")
    if choices is None:
        return float(event.get("index", 1e9))
    return float(choices[0]["index"]) if choices else 1e9
