"""Who may ask, over a real connection: API keys, what is public, and nobody while the model loads.

The order of the checks and the forms of the headers are in tests/api/test_access.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import AuthenticationError
from openai import OpenAI

from tests.api.replies import JSON_TYPE
from tests.e2e import live
from tests.e2e import wire
from tests.e2e.conftest import ONE_THREAD
from tests.e2e.conftest import Starter
from tests.e2e.live import LiveServer
from tests.e2e.processes import wait_until

pytestmark = pytest.mark.model

CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2}
PATH = "/v1/chat/completions"
WRONG_KEY = {"message": "Invalid API Key", "type": "authentication_error", "code": 401}
LOADING = {"message": "Loading model", "type": "unavailable_error", "code": 503}


@pytest.fixture(scope="module")
def locked(tiny_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with two keys on its command line and two in a file."""
    folder = tmp_path_factory.mktemp("locked")
    (folder / "keys").write_text("third\n\nfourth\n")
    keys = ("--api-key", "first,second", "--api-key-file", folder / "keys")
    server = live.start(["-m", tiny_path, *ONE_THREAD, *keys], folder / "log")
    yield server
    server.kill()


@pytest.mark.parametrize("key", ["first", "second", "third", "fourth"])
@pytest.mark.parametrize(("header", "form"), [("Authorization", "Bearer {}"), ("x-api-key", "{}")])
def test_every_key_opens(locked: LiveServer, header: str, form: str, key: str) -> None:
    reply = wire.request(locked.url, PATH, CHAT, headers={header: form.format(key)})
    assert reply.status == 200
    assert reply.json["usage"]["completion_tokens"] == 2


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer fifth"}, {"x-api-key": "fifth"}, {"x-api-key": ""}]
)
@pytest.mark.parametrize("path", ["/v1/models", "/props", "/slots", "/nothing"])
def test_a_wrong_key_opens_nothing(locked: LiveServer, path: str, headers: dict[str, str]) -> None:
    reply = wire.request(locked.url, path, headers=headers)
    assert (reply.status, reply.json) == (401, {"error": WRONG_KEY})
    assert reply.headers["content-type"] == JSON_TYPE


def test_a_stream_without_a_key_is_an_answer_and_no_stream(locked: LiveServer) -> None:
    reply = locked.post(PATH, CHAT | {"stream": True})
    assert (reply.status, reply.json) == (401, {"error": WRONG_KEY})
    assert reply.content_type == "application/json"


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
def test_health_is_public(locked: LiveServer, path: str) -> None:
    reply = locked.get(path)
    assert (reply.status, reply.json) == (200, {"status": "ok"})


def test_the_openai_client_sees_an_authentication_error(locked: LiveServer) -> None:
    with OpenAI(base_url=f"{locked.url}/v1", api_key="fifth", max_retries=0) as client:
        with pytest.raises(AuthenticationError, match="Invalid API Key"):
            client.models.list()
        assert client.with_options(api_key="first").models.list().data


def test_a_key_is_in_no_log_line(locked: LiveServer) -> None:
    wire.request(locked.url, "/v1/models", headers={"Authorization": "Bearer fifth"})
    assert not any(key in locked.log for key in ("first", "fourth", "fifth"))


def test_nobody_is_served_while_the_model_loads(start: Starter, smollm2_path: Path) -> None:
    # reading every tensor makes loading take longer than these requests
    server = start("-m", smollm2_path, "--check-tensors", "--api-key", "first", ready=False)
    first = wait_until("an answer", lambda: answer(server))
    assert first is not None
    replies = [first, *(server.get(path) for path in ("/v1/health", "/v1/models", "/nothing"))]
    replies.append(server.post(PATH, CHAT | {"stream": True}))
    assert [(reply.status, reply.json) for reply in replies] == [(503, {"error": LOADING})] * 5
    assert {reply.headers["content-type"] for reply in replies} == {JSON_TYPE}
    server.wait_ready()
    assert server.get("/v1/models").status == 401


def answer(server: LiveServer) -> wire.Reply | None:
    """What /health says, once somebody listens."""
    try:
        return server.get("/health")
    except ConnectionRefusedError:
        return None
