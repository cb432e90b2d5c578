"""Streams on the wire: when the first byte comes, what a silent one carries, how each ends."""

from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.api.replies import assert_error_body
from tests.e2e import wire
from tests.e2e.conftest import Starter
from tests.e2e.live import LiveServer

pytestmark = pytest.mark.model

LONG_PROMPT = "hello world " * 4000
"""32 thousand tokens: most of a minute in the small batches of the tiny server."""

MESSAGES = [{"role": "user", "content": "Hello"}]
STREAMS: list[tuple[str, dict[str, Any]]] = [
    ("/completion", {"prompt": "Once"}),
    ("/v1/completions", {"prompt": "Once"}),
    ("/v1/chat/completions", {"messages": MESSAGES}),
]
IDS = [path for path, _ in STREAMS]


def long_body(path: str) -> dict[str, Any]:
    if path == "/v1/chat/completions":
        return {"messages": [{"role": "user", "content": LONG_PROMPT}], "stream": True}
    return {"prompt": LONG_PROMPT, "stream": True}


def n_decoded(server: LiveServer) -> list[int]:
    """Tokens generated so far, for each busy slot."""
    busy = [slot for slot in server.slots() if slot["is_processing"]]
    return [slot["next_token"][0]["n_decoded"] for slot in busy]


@pytest.mark.parametrize("path", IDS)
def test_the_headers_come_before_the_prompt_is_processed(tiny: LiveServer, path: str) -> None:
    with wire.stream(tiny.url, path, long_body(path)) as stream:
        assert stream.status == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert n_decoded(tiny) == [0]


@pytest.mark.parametrize("path", IDS)
def test_a_silent_stream_carries_comments(tiny: LiveServer, path: str) -> None:
    with wire.stream(tiny.url, path, long_body(path)) as stream:
        lines = stream.lines()
        assert [next(lines), next(lines)] == [":", ":"]
        assert n_decoded(tiny) == [0]


def test_progress_is_reported_while_the_prompt_is_processed(tiny: LiveServer) -> None:
    body = long_body("/completion") | {"return_progress": True}
    with wire.stream(tiny.url, "/completion", body) as stream:
        events = stream.events()
        first, second, third = (next(events)["prompt_progress"] for _ in range(3))
    assert first["total"] > 30_000
    assert first["processed"] < second["processed"] < third["processed"] < first["total"]


@pytest.mark.parametrize(("path", "body"), STREAMS, ids=IDS)
def test_only_the_openai_routes_end_with_done(
    tiny: LiveServer, path: str, body: dict[str, Any]
) -> None:
    with wire.stream(tiny.url, path, body | {"stream": True, "max_tokens": 4}) as stream:
        *events, last = stream.data()
    assert (last == "[DONE]") == path.startswith("/v1/")
    if last != "[DONE]":
        events.append(last)
        assert json.loads(last)["stop"] is True
    assert all(isinstance(json.loads(event), dict) for event in events)


@pytest.mark.parametrize(("path", "body"), STREAMS, ids=IDS)
def test_a_refusal_that_comes_at_once_has_its_own_status(
    tiny: LiveServer, path: str, body: dict[str, Any]
) -> None:
    reply = tiny.post(path, body | {"stream": True, "grammar": "root ::= ("})
    assert reply.status == 400
    assert_error_body(reply.json, 400, "invalid_request_error")


@pytest.mark.parametrize("path", IDS)
def test_an_error_after_the_headers_is_an_event(start: Starter, tiny_path: Path, path: str) -> None:
    server = start("-m", tiny_path, "-c", "65536", "-b", "64", "-ub", "64")
    with wire.stream(server.url, path, long_body(path)) as stream:
        assert stream.status == 200
        server.wait_busy()
        server.signal(signal.SIGINT)
        (event,) = stream.data()
    message = assert_error_body(json.loads(event), 503, "unavailable_error")
    assert "shutting down" in message
    assert server.wait_exit() == 0


def test_eight_streams_progress_together(demo: LiveServer) -> None:
    n_streams, n_tokens = 8, 60
    arrivals = arrivals_of(demo, n_streams, n_tokens)
    counts = [0] * n_streams
    for stream in arrivals:
        counts[stream] += 1
        if counts[stream] == 20:
            assert min(counts) > 0, "one has 20 tokens and another has none"
        if counts[stream] < n_tokens:
            assert max(counts) - min(counts) <= 20, counts
    assert counts == [n_tokens] * n_streams


def arrivals_of(server: LiveServer, n_streams: int, n_tokens: int) -> list[int]:
    """The stream that each token came from, in the order in which they came."""
    arrivals: list[int] = []

    def follow(i: int) -> None:
        prompt = f"Story number {i}. Once upon a time"
        body = {"prompt": prompt, "n_predict": n_tokens, "ignore_eos": True, "stream": True}
        with wire.stream(server.url, "/completion", body) as stream:
            for event in stream.events():
                if not event["stop"]:
                    arrivals.append(i)

    with ThreadPoolExecutor(n_streams) as pool:
        list(pool.map(follow, range(n_streams)))
    return arrivals
