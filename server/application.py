"""The gunicorn application: our settings as gunicorn's, and what a worker loads.

It knows the parent process (`arbiter`), which runs it, and of the worker only that there is one.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.workers.base import Worker

from server import limits
from server.arbiter import EngineArbiter
from server.arbiter import GunicornLog
from server.engine.pulse import Pulse
from server.listen import BACKLOG
from server.options.settings import Settings
from server.quarantine import Quarantine

if TYPE_CHECKING:
    from flask import Flask

    from server.engine.client import EngineClient

KEEPALIVE_S = 65
"""Above the minute that reverse proxies keep idle connections, so that they close them first."""

MAX_HEADER_BYTES = 8190


class Application(BaseApplication):  # type: ignore[misc]
    """What gunicorn runs: our settings, turned into its own."""

    engine: EngineClient
    pulse: Pulse

    def __init__(
        self,
        settings: Settings,
        sockets: Sequence[socket.socket],
        worker_class: type[Worker],
        on_child_exit: Callable[[EngineArbiter, Any], None],
    ) -> None:
        """sockets: listening ones, which become gunicorn's; none = those of systemd.

        worker_class: of the process that serves; on_child_exit: told in the parent of each that
        ended.
        """
        self.settings = settings
        self._worker_class = worker_class
        self._on_child_exit = on_child_exit
        self.descriptors = [opened.detach() for opened in sockets]
        self.quarantine = Quarantine()
        self.has_served = False
        """Whether a worker of this program has loaded its model before."""
        super().__init__()

    def load_config(self) -> None:
        """gunicorn's settings; nothing is read from its own files and variables."""
        http = self.settings.http
        values = {
            "bind": [f"fd://{descriptor}" for descriptor in self.descriptors],
            "backlog": BACKLOG,
            "workers": 1,
            "worker_class": self._worker_class,
            "worker_connections": limits.prepare(http.threads_http, BACKLOG),
            "timeout": 0,  # the arbiter has a watchdog of its own
            "graceful_timeout": self.settings.operation.drain_timeout_s + 5,
            "keepalive": KEEPALIVE_S,
            "limit_request_line": MAX_HEADER_BYTES,
            "limit_request_field_size": MAX_HEADER_BYTES,
            "logger_class": GunicornLog,
            "proc_name": "llamactl",
            "control_socket_disable": True,
            "certfile": http.ssl_cert_file or None,
            "keyfile": http.ssl_key_file or None,
            "child_exit": self._on_child_exit,
        }
        if Path("/dev/shm").is_dir():  # the heartbeat must not wait for a disk
            values["worker_tmp_dir"] = "/dev/shm"
        if not self.descriptors:
            del values["bind"]
        for name, value in values.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """In the worker, patched: start the engine and make the WSGI application."""
        from server.launch import start_engine
        from server.telemetry import tracer_provider

        # refuses what can't be traced before a thread is inside native code
        provider = tracer_provider(self.settings.log.otel, os.environ)
        # Then at once: the model loads while the rest is imported.
        self.engine = start_engine(self.settings, self.pulse, is_replacement=self.has_served)

        from gunicorn.http import wsgi

        from server.app import SERVER_NAME
        from server.app import create_app

        # gunicorn has no setting for the header that it writes itself.
        wsgi.SERVER = SERVER_NAME
        app: Flask = create_app(self.settings, self.engine, self.quarantine.refuses, provider)
        return app

    def run(self) -> None:
        """Serve until told to stop; leaves by SystemExit."""
        EngineArbiter(self).run()
