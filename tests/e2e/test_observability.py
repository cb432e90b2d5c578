"""What a busy server tells of itself, and what its log says of each request."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.e2e import wire
from tests.e2e.conftest import ONE_THREAD
from tests.e2e.conftest import Starter

pytestmark = pytest.mark.model

LONG_PROMPT = "hello world " * 4000
"""32 thousand tokens: most of a minute in small batches."""


def test_state_is_told_during_a_long_prefill(start: Starter, tiny_path: Path) -> None:
    limits = ("-np", "2", "-c", "65536", "-b", "64", "-ub", "64", "--metrics")
    server = start("-m", tiny_path, *ONE_THREAD, *limits)
    body = {"prompt": LONG_PROMPT, "stream": True}
    with wire.stream(server.url, "/completion", body):
        server.wait_busy()
        assert server.get("/health").json == {"status": "ok"}
        metrics = server.get("/metrics").body.decode()
        busy = [slot for slot in server.slots() if slot["is_processing"]]
    assert [slot["next_token"][0]["n_decoded"] for slot in busy] == [0]
    assert "llamacpp:requests_processing 1.0" in metrics
    assert "llamacpp:tokens_predicted_total 0.0" in metrics


def test_the_log_has_a_line_for_each_request(start: Starter, tiny_path: Path) -> None:
    server = start("-m", tiny_path, *ONE_THREAD)
    server.post("/v1/completions", {"prompt": "Once upon a time", "max_tokens": 3})
    assert server.stop() == 0
    (line,) = [line for line in server.log.splitlines() if " llamactl.requests: " in line]
    assert re.search(
        r" I llamactl\.requests: request 0 \(chatcmpl-\w+\) slot \d+:"
        r" prompt \d+ tokens \(0 cached\) in [\d.]+ ms \([\d.]+/s\);"
        r" generated 3 in [\d.]+ ms \([\d.]+/s\); [\d.]+ ms in all; stopped at its limit \[\w+\]$",
        line,
    ), line


def test_json_lines_of_a_request_have_its_name(start: Starter, tiny_path: Path) -> None:
    options = ("--log-jsonl", "--log-access", "--log-slow-ms", "1", "--api-key", "sk-hidden")
    server = start("-m", tiny_path, *ONE_THREAD, *options)
    headers = {"X-Request-Id": "from-proxy", "Authorization": "Bearer sk-hidden"}
    body = {"prompt": "Once upon a time", "max_tokens": 30, "stream": True}
    reply = wire.request(server.url, "/v1/completions", body, headers=headers)
    assert reply.headers["x-request-id"] == "from-proxy"
    assert server.stop() == 0
    lines = [json.loads(line) for line in server.log.splitlines()]
    ours = {line["origin"]: line for line in lines if line.get("request_id") == "from-proxy"}
    assert set(ours) == {"llamactl.requests", "llamactl.access", "llamactl.slow"}
    assert ours["llamactl.access"]["bytes"] == len(reply.body)
    assert "sk-hidden" not in server.log
