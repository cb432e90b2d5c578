"""A chat template that goes astray ends its own request, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.api.replies import assert_error_body
from tests.e2e import live
from tests.e2e import wire
from tests.e2e.conftest import ONE_THREAD
from tests.e2e.live import LiveServer
from tests.e2e.processes import resident_mib

pytestmark = pytest.mark.model

ANSWER_S = 4.0
"""Twice what it takes where nobody else wants the processor."""
GAP_S = 0.2
"""The longest silence of a stream beside; 0.03 was seen. Without pauses it is 0.3 and more."""
GROWTH_MIB = 256.0

ASTRAY = (
    "{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}"
    "{% set n = namespace(x='ab') %}"
    "{% if mode == 'spin' %}{% for i in range(99999) %}{% for j in range(99999) %}{{ i * j }}"
    "{% endfor %}{% endfor %}{% endif %}"
    "{% if mode == 'grow' %}{% for i in range(99999) %}{% set n.x = n.x ~ n.x %}{% endfor %}"
    "{% endif %}"
    "{% if mode == 'fail' %}{{ 1 / 0 }}{% endif %}"
)


@pytest.fixture(scope="module")
def server(tiny_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    log_path = tmp_path_factory.mktemp("templates") / "log"
    options = ("-np", "4", "--kv-unified", "-c", "65536", "--chat-template", ASTRAY)
    server = live.start(["-m", tiny_path, *ONE_THREAD, *options], log_path)
    yield server
    try:
        assert server.stop() == 0
    finally:
        server.kill()


def chat(server: LiveServer, mode: str) -> wire.Reply:
    body = {
        "messages": [{"role": "user", "content": "Hello"}],
        "chat_template_kwargs": {"mode": mode},
        "max_tokens": 1,
    }
    return server.post("/v1/chat/completions", body)


def longest_gap(server: LiveServer, other: Future[wire.Reply]) -> float:
    """Seconds between two events of a stream that goes on until the other request is answered."""
    body = {"prompt": "Once", "n_predict": -1, "ignore_eos": True, "stream": True}
    gaps = [0.0]
    with wire.stream(server.url, "/completion", body) as stream:
        before = time.monotonic()
        for _ in stream.data():
            now = time.monotonic()
            gaps.append(now - before)
            before = now
            if other.done() and len(gaps) > 100:
                break
    return max(gaps)


@pytest.mark.parametrize("mode", ["spin", "grow", "fail"])
def test_a_template_that_goes_astray_is_a_400_in_time(server: LiveServer, mode: str) -> None:
    before = resident_mib(server.pid)
    begin = time.monotonic()
    reply = chat(server, mode)
    assert time.monotonic() - begin < ANSWER_S
    message = assert_error_body(reply.json, 400, "invalid_request_error")
    assert "chat template" in message
    assert resident_mib(server.pid) - before < GROWTH_MIB
    assert chat(server, "").status == 200


@pytest.mark.parametrize("mode", ["spin", "grow"])
def test_a_stream_goes_on_beside_a_template_that_goes_astray(server: LiveServer, mode: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(chat, server, mode)
        assert longest_gap(server, reply) < GAP_S
        assert reply.result().status == 400
    server.wait_idle()
