"""A span for each request that computes something, as OpenTelemetry's own SDK exports it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest
from flask.testing import FlaskClient
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from opentelemetry.trace import StatusCode

from server import telemetry
from server.app import create_app
from server.errors import OptionError
from tests.api.conftest import Server
from tests.api.conftest import ServerMaker
from tests.api.conftest import settings_of

CHAT = {"messages": [{"role": "user", "content": "secret"}], "max_tokens": 3, "temperature": 0.5}
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(serve: ServerMaker, exporter: InMemorySpanExporter) -> FlaskClient:
    """A client of an app whose spans the exporter gets."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    server: Server = serve(alias="tiny")
    settings = settings_of(alias="tiny", api_key="k")
    app = create_app(settings, server.engine, tracer_provider=provider)
    return app.test_client()


def ask(
    client: FlaskClient, path: str, body: object, headers: Mapping[str, str] | None = None
) -> int:
    given = {"X-Api-Key": "k", **(headers or {})}
    return client.post(path, json=body, headers=given, buffered=True).status_code


def only_span(exporter: InMemorySpanExporter) -> tuple[ReadableSpan, Mapping[str, object]]:
    (span,) = exporter.get_finished_spans()
    return span, span.attributes or {}


def test_a_chat_is_a_span_with_genai_attributes(
    traced: FlaskClient, exporter: InMemorySpanExporter
) -> None:
    assert ask(traced, "/v1/chat/completions", CHAT, {"X-Request-Id": "req-1"}) == 200
    span, values = only_span(exporter)
    assert (span.name, span.kind) == ("chat tiny", SpanKind.SERVER)
    assert values["gen_ai.operation.name"] == "chat"
    assert values["gen_ai.request.model"] == values["gen_ai.response.model"] == "tiny"
    assert values["gen_ai.request.max_tokens"] == values["gen_ai.usage.output_tokens"] == 3
    assert values["gen_ai.request.temperature"] == 0.5
    assert values["gen_ai.response.finish_reasons"] == ("length",)
    assert values["http.response.status_code"] == 200
    assert values["http.request.header.x-request-id"] == ("req-1",)
    assert "secret" not in str(values)


def test_a_span_belongs_to_the_trace_of_its_client(
    traced: FlaskClient, exporter: InMemorySpanExporter
) -> None:
    ask(traced, "/v1/chat/completions", CHAT, {"traceparent": TRACEPARENT})
    span, _ = only_span(exporter)
    assert span.context is not None and span.parent is not None
    assert f"{span.context.trace_id:032x}" == TRACEPARENT.split("-")[1]
    assert f"{span.parent.span_id:016x}" == TRACEPARENT.split("-")[2]


def test_a_stream_ends_its_span_when_it_ends(
    traced: FlaskClient, exporter: InMemorySpanExporter
) -> None:
    body = {"prompt": "hello", "max_tokens": 4, "stream": True}
    reply = traced.post("/v1/completions", json=body, headers={"X-Api-Key": "k"})
    assert exporter.get_finished_spans() == ()
    assert reply.data
    reply.close()
    span, values = only_span(exporter)
    assert span.name == "text_completion tiny"
    assert values["gen_ai.usage.output_tokens"] == 4
    assert "llamactl.time_to_first_token_ms" in values


def test_prompts_of_several_answers_add_up(
    traced: FlaskClient, exporter: InMemorySpanExporter
) -> None:
    ask(traced, "/v1/completions", {"prompt": ["one", "two"], "max_tokens": 2})
    _, values = only_span(exporter)
    assert values["gen_ai.request.choice.count"] == 2
    assert values["gen_ai.usage.output_tokens"] == 4
    assert len(values["gen_ai.response.finish_reasons"]) == 2  # type: ignore[arg-type]


def test_refused_requests_have_spans_and_questions_of_state_none(
    traced: FlaskClient, exporter: InMemorySpanExporter
) -> None:
    traced.get("/health", buffered=True)
    ask(traced, "/tokenize", {"content": "x"})
    assert exporter.get_finished_spans() == ()
    assert ask(traced, "/v1/chat/completions", CHAT, {"X-Api-Key": "wrong"}) == 401
    span, values = only_span(exporter)
    assert values["http.response.status_code"] == 401
    # the client's fault is no error of the server
    assert span.status.status_code is StatusCode.UNSET


WITHOUT = """
import sys
from server.telemetry import tracer_provider
import server.app, server.worker
endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "x"}
for off in ({"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}):
    assert tracer_provider(False, endpoint | off) is None
assert tracer_provider(False, {}) is None
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


def test_nothing_is_imported_that_nobody_asked_for() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_traces_that_cannot_be_made_are_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(telemetry, "NEEDED", ("no.such.package",))
    with pytest.raises(OptionError, match=r"--otel: .* pip install 'llamactl\[otel\]'"):
        telemetry.tracer_provider(True, {})
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    assert telemetry.tracer_provider(False, endpoint) is None
    assert "pip install 'llamactl[otel]'" in caplog.text
