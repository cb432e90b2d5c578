"""Whether traces are wanted, and of what they are made; without a wish nothing is imported."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from server.errors import OptionError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

WISHES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Variables of OpenTelemetry that say where traces go."""

NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
INSTALL = "pip install 'llamactl[otel]'"

_log = logging.getLogger(__name__)


def tracer_provider(is_asked: bool, environ: Mapping[str, str]) -> TracerProvider | None:
    """What records spans; None = nobody wants any. is_asked: by --otel. OptionError."""
    if not is_asked and not _is_wished(environ):
        return None
    if not all(map(_is_there, NEEDED)):
        if is_asked:
            raise OptionError(f"--otel: OpenTelemetry is not installed; {INSTALL}")
        _log.warning("traces are wanted by OTEL_* variables, but not made: %s", INSTALL)
        return None
    from server.tracing import new_provider

    return new_provider()


def _is_wished(environ: Mapping[str, str]) -> bool:
    is_off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    is_off = is_off or environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp"
    return not is_off and any(environ.get(name) for name in WISHES)


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
