"""OpenTelemetry: a span for each request that computes something, with the GenAI attributes.

The one file that imports OpenTelemetry, which the extra `llamactl[otel]` brings; nobody imports
it unless `--otel` or a variable of OpenTelemetry asks for traces. Spans hold sizes, times and
parameters, never texts. Answers to OpenTelemetry's semantic conventions for generative AI.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Sequence

from flask import Flask
from flask import Response
from flask import g
from flask import request
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import SERVICE_NAME
from opentelemetry.sdk.resources import SERVICE_VERSION
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span
from opentelemetry.trace import SpanKind
from opentelemetry.trace import Status
from opentelemetry.trace import StatusCode

from server import __version__
from server.api.trace import follow
from server.engine.task import Embedded
from server.engine.task import Event
from server.engine.task import Failed
from server.engine.task import Finished
from server.engine.task import StopType
from server.engine.task import Task
from server.engine.task import Timings
from server.engine.task import Token

NAME = "llamactl"

CHAT, TEXT, EMBEDDINGS = "chat", "text_completion", "embeddings"

OPERATIONS = {
    "chat/completions": CHAT,
    "messages": CHAT,
    "responses": CHAT,
    "completions": TEXT,
    "completion": TEXT,
    "infill": TEXT,
    "embeddings": EMBEDDINGS,
    "embedding": EMBEDDINGS,
}
"""What routes do whose paths end so, in the words of the conventions; the first that fits."""

FINISH_REASONS = {StopType.LIMIT: "length"}


def new_provider() -> TracerProvider:
    """What sends spans to where OTEL_EXPORTER_OTLP_* say, in batches."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
    ours = Resource({SERVICE_NAME: NAME, SERVICE_VERSION: __version__})
    provider = TracerProvider(resource=ours.merge(_given_resource()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _given_resource() -> Resource:
    """What variables say of this service."""
    found = Resource.create().attributes
    is_named = not str(found[SERVICE_NAME]).startswith("unknown_service")
    return Resource({k: v for k, v in found.items() if k != SERVICE_NAME or is_named})


class RequestTrace:
    """The span of one request. See `server.api.trace.Trace`."""

    def __init__(self, span: Span, clock: Callable[[], float]) -> None:
        self._span = span
        self._clock = clock
        self._began = clock()
        self._first_s: float | None = None
        self._n_input: dict[int, int] = {}
        self._timings: dict[int, Timings] = {}
        self._reasons: dict[int, str] = {}

    def asked(self, job_id: str, tasks: Sequence[Task]) -> None:
        """The parameters of the request."""
        task, sampling = tasks[0], tasks[0].sampling
        values: dict[str, str | int | float | Sequence[str]] = {
            "gen_ai.response.id": job_id,
            "gen_ai.request.temperature": sampling.temperature,
            "gen_ai.request.top_p": sampling.top_p,
            "gen_ai.request.top_k": sampling.top_k,
            "gen_ai.request.frequency_penalty": sampling.frequency_penalty,
            "gen_ai.request.presence_penalty": sampling.presence_penalty,
            "gen_ai.request.seed": sampling.seed,
            "gen_ai.request.choice.count": len(tasks),
        }
        if task.n_predict >= 0:
            values["gen_ai.request.max_tokens"] = task.n_predict
        if task.stop:
            values["gen_ai.request.stop_sequences"] = task.stop
        self._span.set_attributes(values)

    def see(self, event: Event) -> None:
        """Remember what the span will say at its end."""
        match event:
            case Token():
                if self._first_s is None:
                    self._first_s = self._clock() - self._began
                self._timings[event.task_id] = event.timings
            case Finished():
                self._timings[event.task_id] = event.timings
                self._reasons[event.task_id] = FINISH_REASONS.get(event.stop_type, "stop")
            case Embedded():
                self._n_input[event.task_id] = event.n_prompt
            case Failed():
                self.fail(event.kind.value)

    def fail(self, kind: str) -> None:
        """It ended in an error, which may come after its answer (a stream that is kept)."""
        if not self._span.is_recording():
            return
        self._span.set_attribute("error.type", kind)
        self._span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        """The answer was sent, or can't be sent any more."""
        timings = list(self._timings.values())
        n_cached = sum(each.n_prompt_cached for each in timings)
        n_input = n_cached + sum(each.n_prompt_processed for each in timings)
        n_input += sum(self._n_input.values())
        if timings or self._n_input:
            self._span.set_attribute("gen_ai.usage.input_tokens", n_input)
        if timings:
            self._span.set_attributes(
                {
                    "gen_ai.usage.output_tokens": sum(each.n_decoded for each in timings),
                    "gen_ai.usage.cache_read.input_tokens": n_cached,
                    "gen_ai.response.finish_reasons": list(self._reasons.values()),
                    "llamactl.prompt_ms": sum(each.prompt_ms for each in timings),
                    "llamactl.predicted_ms": sum(each.predicted_ms for each in timings),
                }
            )
        if self._first_s is not None:
            self._span.set_attribute("llamactl.time_to_first_token_ms", self._first_s * 1e3)
        self._span.end()


class Tracing:
    """Makes the spans of an application's requests."""

    def __init__(
        self,
        provider: TracerProvider,
        model_name: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """model_name: '' = it loads."""
        self._tracer = provider.get_tracer(NAME, __version__)
        self._model_name = model_name
        self._clock = clock

    def watch(self, app: Flask) -> None:
        """Follow every request that computes something, refused ones too."""
        app.before_request(self._begin)
        app.after_request(self._end)

    def _begin(self) -> None:
        operation = _operation(request.method, request.path)
        if not operation:
            return
        model = self._model_name()
        span = self._tracer.start_span(
            f"{operation} {model}".rstrip(),
            context=extract(dict(request.headers.items(lower=True))),
            kind=SpanKind.SERVER,
            attributes={
                "gen_ai.operation.name": operation,
                "gen_ai.provider.name": NAME,
                "gen_ai.request.model": model,
                "gen_ai.response.model": model,
                "http.request.method": request.method,
                "url.path": request.path,
                "http.request.header.x-request-id": [g.http_id],
            },
        )
        g.request_trace = RequestTrace(span, self._clock)
        g.span = span
        follow(g.request_trace)

    def _end(self, response: Response) -> Response:
        trace: RequestTrace | None = g.get("request_trace")
        if trace is not None:
            g.span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                trace.fail(str(response.status_code))
            response.call_on_close(trace.end)
        return response


def _operation(method: str, path: str) -> str:
    """'' = nothing is computed."""
    if method != "POST":
        return ""
    return next((word for end, word in OPERATIONS.items() if path.endswith(f"/{end}")), "")
