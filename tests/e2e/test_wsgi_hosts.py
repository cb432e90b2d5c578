"""The same service in other people's WSGI servers: gunicorn's workers, waitress, a test client.

How a server watches its clients differs (`server/api/disconnect.py`); that a client which goes away
frees its slot does not.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from server.app import create_app
from server.engine.mailbox import Status
from server.launch import start_engine
from server.models.source import with_model_file
from server.options.resolve import resolve
from tests.e2e import live
from tests.e2e import wire
from tests.e2e.live import LiveServer
from tests.e2e.processes import free_port
from tests.e2e.processes import wait_until

pytestmark = pytest.mark.model

N_TOKENS = 16
CHAT: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Hello"}],
    "temperature": 0,
    "max_tokens": N_TOKENS,
    "cache_prompt": False,
}
ENDLESS: dict[str, Any] = {"prompt": "Once", "n_predict": -1, "ignore_eos": True}
LONG_PROMPT = "hello world " * 4000

PAGE = live.ROOT / "docs" / "howto" / "wsgi.md"
ADDRESS = "127.0.0.1:8080"


def commands() -> dict[str, list[str]]:
    """The command lines that the page shows, by the kind of server."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("LLAMA_ARG_MODEL=")]
    words = [shlex.split(line)[1:] for line in lines]
    kinds = [line[line.index("-k") + 1] if "-k" in line else line[0] for line in words]
    return dict(zip(kinds, words, strict=True))


def variables(model: Path) -> dict[str, str]:
    """Batches so small that a long prompt takes minutes, room for streams that do not end."""
    return {
        "LLAMA_ARG_MODEL": str(model),
        "LLAMA_ARG_N_PARALLEL": "4",
        "LLAMA_ARG_CTX_SIZE": "65536",
        "LLAMA_ARG_KV_UNIFIED": "1",
        "LLAMA_ARG_BATCH": "64",
        "LLAMA_ARG_UBATCH": "64",
        "LLAMA_ARG_THREADS": "1",
    }


@pytest.fixture(scope="module", params=["gevent", "gthread", "waitress-serve"])
def shared_host(
    request: pytest.FixtureRequest, tiny_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """One server of each kind, for all tests of this file."""
    port = free_port()
    program, *words = commands()[request.param]
    argv = [word.replace(ADDRESS, f"127.0.0.1:{port}") for word in words]
    assert argv != words
    server = live.start_command(
        [str(Path(sys.executable).with_name(program)), *argv],
        port,
        tmp_path_factory.mktemp("host") / "log",
        environment=variables(tiny_path),
    )
    yield server
    try:
        server.stop()
    finally:
        server.kill()
    assert "Traceback" not in server.log


@pytest.fixture
def host(shared_host: LiveServer) -> Iterator[LiveServer]:
    """The server; a test that leaves one of its slots busy has failed."""
    yield shared_host
    shared_host.wait_idle()


def text_of(chunks: list[Any]) -> str:
    """The text of a streamed chat."""
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


def test_a_chat_is_answered_whole_and_streamed_alike(host: LiveServer) -> None:
    whole = host.post("/v1/chat/completions", CHAT)
    assert whole.status == 200
    assert whole.json["usage"]["completion_tokens"] == N_TOKENS
    with wire.stream(host.url, "/v1/chat/completions", CHAT | {"stream": True}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        *payloads, last = stream.data()
    assert last == "[DONE]"
    assert len(payloads) >= N_TOKENS
    text = text_of([json.loads(payload) for payload in payloads])
    assert text == whole.json["choices"][0]["message"]["content"] != ""


def test_streams_run_side_by_side(host: LiveServer) -> None:
    endless = ENDLESS | {"stream": True}
    with (
        wire.stream(host.url, "/completion", endless) as first,
        wire.stream(host.url, "/completion", endless) as second,
    ):
        for events in (first.events(), second.events(), first.events(), second.events()):
            assert next(events)["stop"] is False
        assert host.busy_slots() == 2


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("prompt", ["Once", LONG_PROMPT], ids=["generating", "prefilling"])
def test_a_client_that_vanishes_frees_its_slot(host: LiveServer, stream: bool, prompt: str) -> None:
    body = ENDLESS | {"stream": stream, "prompt": prompt}
    with wire.open_socket(host.url, "/completion", body) as client:
        host.wait_busy()
        if stream and prompt == "Once":
            wire.read_until(client, b'"content"')
    host.wait_idle()


def ids_until(stream: wire.EventStream, n: int) -> tuple[int, list[str]]:
    """The first n payloads of a kept stream, and the id of the last."""
    place, payloads = 0, []
    for line in stream.lines():
        if line.startswith("id: "):
            place = int(line.removeprefix("id: "))
        elif line.startswith("data: "):
            payloads.append(line)
            if len(payloads) == n:
                break
    return place, payloads


def test_a_kept_stream_goes_on_without_its_client_and_is_read_again(host: LiveServer) -> None:
    body = {"prompt": "Once", "n_predict": 400, "ignore_eos": True, "stream": True}
    key = {"X-Conversation-Id": "left"}
    with wire.stream(host.url, "/completion", body, headers=key) as first:
        place, seen = ids_until(first, 3)
    path = "/v1/stream?conv_id=left"
    with wire.stream(host.url, path, None, headers={"Last-Event-ID": str(place)}) as rest:
        seen += [line for line in rest.lines() if line.startswith("data: ")]
    again = host.get(path).body.decode()
    assert seen == [line for line in again.splitlines() if line.startswith("data: ")]
    assert len(seen) > 100
    assert json.loads(seen[-1].removeprefix("data: "))["tokens_predicted"] == 400


def test_a_kept_stream_holds_its_slot_until_it_is_deleted(host: LiveServer) -> None:
    key = {"X-Conversation-Id": "endless"}
    with wire.stream(host.url, "/completion", ENDLESS | {"stream": True}, headers=key) as first:
        place, _ = ids_until(first, 3)
    path = "/v1/stream?conv_id=endless"
    with wire.stream(host.url, f"{path}&from={place}", None) as reader:
        assert ids_until(reader, 50)[0] > place
        assert host.busy_slots() == 1
        assert wire.request(host.url, path, method="DELETE").status == 204
        for _ in reader.lines():
            pass
    host.wait_idle()
    assert host.get(path).status == 404


def test_errors_are_the_same_json_everywhere(host: LiveServer) -> None:
    for reply, status in (
        (host.get("/nothing"), 404),
        (host.post("/v1/chat/completions", b"{"), 400),
        (host.post("/v1/chat/completions", {}), 400),
    ):
        assert (reply.status, reply.json["error"]["code"]) == (status, status)


@pytest.fixture(scope="module")
def app_client(tiny_path: Path) -> Iterator[FlaskClient]:
    """Flask's test client on an app with a real model, in this very process."""
    settings = with_model_file(resolve((), variables(tiny_path)))
    engine = start_engine(settings)
    wait_until("the model is loaded", lambda: engine.status is not Status.LOADING, 60.0)
    yield create_app(settings, engine).test_client()
    engine.stop(0)


def busy_slots(client: FlaskClient) -> int:
    slots: list[Any] = client.get("/slots").get_json()
    return sum(slot["is_processing"] for slot in slots)


def test_the_test_client_chats_and_streams_alike(app_client: FlaskClient) -> None:
    whole = app_client.post("/v1/chat/completions", json=CHAT)
    assert whole.get_json()["usage"]["completion_tokens"] == N_TOKENS
    reply = app_client.post("/v1/chat/completions", json=CHAT | {"stream": True})
    *blocks, last, end = reply.get_data(as_text=True).split("\n\n")
    assert (last, end) == ("data: [DONE]", "")
    text = text_of([json.loads(block.removeprefix("data: ")) for block in blocks])
    assert text == whole.get_json()["choices"][0]["message"]["content"] != ""


def test_a_test_client_that_closes_its_stream_frees_the_slot(app_client: FlaskClient) -> None:
    reply = app_client.post("/completion", json=ENDLESS | {"stream": True}, buffered=False)
    pieces = reply.iter_encoded()
    while b'"content"' not in next(pieces):
        pass
    assert busy_slots(app_client) == 1
    reply.close()
    wait_until("the slot is free", lambda: busy_slots(app_client) == 0)
