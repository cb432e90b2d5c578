"""The variables of Vertex AI."""

from __future__ import annotations

import pytest

from server.errors import OptionError
from server.options.resolve import resolve
from server.options.resolve import settings_from
from server.options.vertex import Vertex
from server.options.vertex import vertex_from

PREDICTION = {"AIP_MODE": "PREDICTION"}


@pytest.mark.parametrize("environ", [{}, {"AIP_MODE": "TRAINING"}, {"AIP_HTTP_PORT": "9"}])
def test_elsewhere_the_variables_say_nothing(environ: dict[str, str]) -> None:
    assert vertex_from(environ) is None
    assert resolve((), environ).http.port == 8080


def test_paths_and_port_have_defaults() -> None:
    assert vertex_from(PREDICTION) == Vertex(8080, "", "/predict")


def test_paths_may_lack_their_slash() -> None:
    environ = {**PREDICTION, "AIP_HEALTH_ROUTE": "alive", "AIP_PREDICT_ROUTE": "/ask"}
    assert vertex_from(environ) == Vertex(8080, "/alive", "/ask")


def test_its_port_overrides_that_of_the_options() -> None:
    settings = settings_from(["--port", "9000"], {**PREDICTION, "AIP_HTTP_PORT": "7000"})
    assert settings.http.port == 7000
    assert settings.warnings == ("--port: overridden by AIP_HTTP_PORT=7000",)


def test_a_port_that_is_none_is_named() -> None:
    with pytest.raises(OptionError, match="AIP_HTTP_PORT: expected an integer, got 'x'"):
        vertex_from({**PREDICTION, "AIP_HTTP_PORT": "x"})
