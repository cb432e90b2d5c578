"""What any WSGI server imports: an application made from LLAMA_ARG_* variables.

    gunicorn -k gevent -w 1 'server.wsgi:create_app()'

Each process that calls `create_app` loads the model, so there must be one, and nothing may be
preloaded and forked after.
"""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from server import logs
from server.app import create_app as create_flask_app
from server.checks import check_settings
from server.launch import start_engine
from server.models.source import with_model_file
from server.options.presets import config_presets
from server.options.resolve import resolve
from server.telemetry import tracer_provider

if TYPE_CHECKING:
    from flask import Flask

STOP_S = 2


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """Start an engine and make the application; environ: instead of the process's variables.

    ServerError says in one sentence which variable or file is wrong.
    """
    given = os.environ if environ is None else environ
    settings = resolve((), given, files=config_presets(given))
    check_settings(settings)
    settings = with_model_file(settings)
    if not logging.getLogger().handlers:
        logs.set_up(settings.log)
    for warning in settings.warnings:
        logging.getLogger(__name__).warning("%s", warning)
    engine = start_engine(settings)
    atexit.register(engine.stop, 0, STOP_S)
    provider = tracer_provider(settings.log.otel, given)
    return create_flask_app(settings, engine, tracer_provider=provider)
