"""A line for each HTTP request: what it says, what it never says, and which lines are its own."""

from __future__ import annotations

import json
import logging

import pytest

from server.logs import TRACE
from server.logs import JsonFormatter
from server.logs import LineFormatter
from tests.api.conftest import ServerMaker

NAMED = {"X-Request-Id": "req-1"}
BODY = {"prompt": "secret words", "max_tokens": 3}


def records_of(caplog: pytest.LogCaptureFixture, name: str) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == name]


def test_a_request_is_one_line_with_its_name(
    serve: ServerMaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reply = serve(log_access="1").client.post(
        "/v1/completions", json=BODY, headers=NAMED, buffered=True
    )
    (record,) = records_of(caplog, "llamactl.access")
    line = LineFormatter(prefix=True, timestamps=False, colors=False).format(record)
    assert line.startswith("I llamactl.access: 127.0.0.1 POST /v1/completions 200 ")
    assert line.endswith(" ms [req-1]")
    fields = json.loads(JsonFormatter().format(record))
    assert fields["request_id"] == "req-1"
    assert (fields["method"], fields["path"]) == ("POST", "/v1/completions")
    assert (fields["status"], fields["bytes"]) == (200, len(reply.data))
    assert fields["complete"] is True and fields["ms"] > 0


def test_without_the_option_only_the_trace_has_it(
    serve: ServerMaker, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve()
    for level in (logging.INFO, TRACE):
        caplog.set_level(level)
        server.client.get("/health", buffered=True)
    assert len(records_of(caplog, "llamactl.access")) == 1


def test_a_stream_is_logged_when_it_ended_with_all_its_bytes(
    serve: ServerMaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client = serve(log_access="1").client
    reply = client.post("/v1/completions", json={**BODY, "stream": True}, buffered=False)
    assert records_of(caplog, "llamactl.access") == []
    size = len(reply.data)
    reply.close()
    (record,) = records_of(caplog, "llamactl.access")
    assert f" 200 {size} bytes " in record.getMessage()


def test_a_stream_that_was_left_says_so(
    serve: ServerMaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client = serve(log_access="1").client
    body = {**BODY, "stream": True, "max_tokens": 1000}
    reply = client.post("/v1/completions", json=body, buffered=False)
    next(iter(reply.response))
    reply.close()
    (record,) = records_of(caplog, "llamactl.access")
    assert record.getMessage().endswith("; the client went away")


def test_the_line_of_the_engine_has_the_name_too(
    serve: ServerMaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    serve().client.post("/v1/completions", json=BODY, headers=NAMED, buffered=True)
    (record,) = records_of(caplog, "llamactl.requests")
    assert json.loads(JsonFormatter().format(record))["request_id"] == "req-1"


def test_a_slow_request_is_a_warning(serve: ServerMaker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    serve(log_slow_ms="60000").client.get("/health", buffered=True)
    assert records_of(caplog, "llamactl.slow") == []
    serve(log_slow_ms="1").client.post(
        "/v1/completions", json={**BODY, "max_tokens": 200}, buffered=True
    )
    (record,) = records_of(caplog, "llamactl.slow")
    assert record.getMessage().startswith("slow: 127.0.0.1 POST /v1/completions 200 ")
    assert records_of(caplog, "llamactl.access") == []


def test_neither_keys_nor_queries_nor_bodies_nor_line_breaks_are_logged(
    serve: ServerMaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    client = serve(api_key="sk-hidden", log_access="1", log_slow_ms="1").client
    for key in ("sk-hidden", "sk-wrong"):
        for headers in ({"Authorization": f"Bearer {key}"}, {"X-Api-Key": key}):
            client.post("/v1/completions", json=BODY, headers=headers, buffered=True)
            client.get(f"/v1/models%0aforged?api_key={key}", headers=headers, buffered=True)
    text = "\n".join(JsonFormatter().format(record) for record in caplog.records)
    assert len(records_of(caplog, "llamactl.access")) == 8
    assert '"path": "/v1/models%0Aforged"' in text
    assert "sk-" not in text and "secret" not in text


def test_a_key_is_called_by_its_name(serve: ServerMaker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server = serve(api_key="sk-hidden", log_access="1")
    server.client.get("/slots", headers={"X-Api-Key": "sk-hidden"}, buffered=True)
    (record,) = records_of(caplog, "llamactl.access")
    fields = json.loads(JsonFormatter().format(record))
    assert len(fields["key"]) >= 8 and fields["key"] not in "sk-hidden"


def test_messages_are_found_by_the_name_that_anthropics_clients_show(
    serve: ServerMaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reply = serve(log_access="1").client.post("/v1/messages", json={"max_tokens": 3}, buffered=True)
    (record,) = records_of(caplog, "llamactl.access")
    fields = json.loads(JsonFormatter().format(record))
    assert fields["dialect_request_id"] == reply.headers["request-id"]
    assert fields["request_id"] == reply.headers["X-Request-Id"]


def test_lines_during_a_request_bear_its_name(
    serve: ServerMaker, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve()
    server.app.add_url_rule("/told", "told", lambda: logging.getLogger("x").error("y") or "")
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(JsonFormatter().format(record))  # type: ignore[method-assign]
    logging.getLogger("x").addHandler(handler)
    server.client.get("/told", headers=NAMED, buffered=True)
    logging.getLogger("x").error("later")
    logging.getLogger("x").removeHandler(handler)
    assert [json.loads(line).get("request_id") for line in lines] == ["req-1", None]
