"""The worker process that answers HTTP and runs the engine.

The parent (`arbiter`) holds the sockets; the worker is forked, patches itself with gevent, starts
the engine thread and answers at once, with 503 until the model is loaded. It decides when the
process ends: draining on SIGTERM, at once on Ctrl-C, with one line if the model can't be loaded.
SIGHUP has it read keys and certificates again.
It knows neither routes nor models.
"""

from __future__ import annotations

import functools
import gc
import logging
import mmap
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import gevent
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.workers.base_async import AsyncWorker
from gunicorn.workers.ggevent import GeventWorker

from server import garbage
from server import heap
from server import logs
from server import tls
from server.application import Application
from server.arbiter import WORKERS_OWN
from server.arbiter import EngineArbiter
from server.engine.mailbox import Status
from server.engine.pulse import Pulse
from server.errors import ServerError
from server.leftover import read_past
from server.listen import url_of
from server.loading import LoadingBar
from server.options.settings import Settings
from server.running import RunningRecord
from server.turnstile import Turnstile
from server.watchdog import Watchdog

if TYPE_CHECKING:
    from flask import Flask

    from server.engine.snapshot import Snapshot

TICK_S = 0.1
QUICK_GRACE_S = 1.0
"""How long handlers may take to end their answers after Ctrl-C."""

SILENCE_S = 1.0
"""A worker whose HTTP side gives no sign of life for so long hangs; there are ten in a second."""

PAUSE_S = 2.0
"""A main thread that did not run for so long was stopped, and the others with it."""

LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})

HANDSHAKE_S = 10
"""How long a client may take to agree on keys."""

_log = logging.getLogger(__name__)


def serve(settings: Settings, sockets: Sequence[socket.socket]) -> None:
    """Serve on these sockets until told to stop; leaves by SystemExit."""
    Application(settings, sockets, EngineWorker, _on_child_exit).run()


def _on_child_exit(arbiter: EngineArbiter, worker: EngineWorker) -> None:
    for line in worker.running.lines():
        _log.error("the server died while it worked on %s", line)
    worker.app.quarantine.blame(worker.running.digests())
    worker.running.close()
    worker.app.has_served |= worker.was_ready
    arbiter.count_death(worker.was_ready)


def _secured(client: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket | None:
    """A connection with the handshake done; None = there was none, and it is closed."""
    secure = context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
    try:
        with gevent.Timeout(HANDSHAKE_S, TimeoutError("no handshake in time")):
            secure.do_handshake()
        return secure
    except OSError as error:
        # a port scan, plain HTTP, a certificate that the client does not know: its affair
        _log.debug("no TLS: %s", error)
        secure.close()
        return None


class EngineWorker(GeventWorker):  # type: ignore[misc]
    """One process: gevent's hub for HTTP in the main thread, the engine in another."""

    alive: bool
    app: Application
    wsgi: Flask
    _turnstile: Turnstile

    # SIGHUP has its handler before gunicorn's way of resetting signals could let it kill
    SIGNALS = tuple(sig for sig in GeventWorker.SIGNALS if sig != signal.SIGHUP)

    def __init__(self, *args: Any) -> None:
        """Before the fork, in the parent."""
        super().__init__(*args)
        self._is_hurried = False
        self._wants_reload = False
        self._tls: ssl.SSLContext | None = None
        self._n_interrupts = 0
        self._n_active = 0
        self._exit_code = 0
        # One byte that parent and child share: whether the model was loaded.
        self._ready_byte = mmap.mmap(-1, 1)
        operation = self.app.settings.operation
        self.running = RunningRecord(has_digests=operation.quarantine)
        self.pulse = Pulse()
        self.watchdog = Watchdog(operation.watchdog_s)

    @property
    def was_ready(self) -> bool:
        """Whether this worker has loaded its model; known in the parent too."""
        return self._ready_byte[0] == 1

    @property
    def trouble(self) -> str:
        """What hangs; "" = nothing does. For the parent."""
        if self.pulse.overdue_s:
            return "the engine"
        return "the HTTP side" if time.monotonic() - self.tmp.last_update() > SILENCE_S else ""

    # Serving

    def load_wsgi(self) -> None:
        """Start the engine; what goes wrong on purpose is one line."""
        heap.settle()
        gc.disable()  # what is imported and built here stays; to look for garbage in it takes long
        try:
            self._tls = tls.server_context(self.app.settings.http)
            self.app.pulse = self.pulse
            super().load_wsgi()
            self.app.engine.follow(self._on_snapshot)
            gc.freeze()
        except ServerError as error:
            _log.error("%s", error)
            sys.exit(EngineArbiter.WORKER_BOOT_ERROR)
        finally:
            garbage.settle()
            gc.enable()

    def run(self) -> None:
        """Answer HTTP until told to stop, then drain."""
        self._turnstile = Turnstile()
        servers = [self._server(listener) for listener in self.sockets]
        loading = gevent.spawn(self._follow_loading)
        looked_at, collector = time.monotonic(), garbage.Collector()
        while self.alive:
            self.notify()
            collector.look(self._n_active)
            slept_s, looked_at = time.monotonic() - looked_at, time.monotonic()
            if slept_s > PAUSE_S:
                self.pulse.forgive(slept_s)
            self._look_at_engine()
            if self._wants_reload:
                self._wants_reload = False
                self._reload()
            gevent.sleep(TICK_S)
        loading.kill()
        for server in servers:
            server.close()
        self._drain()
        if self._exit_code:
            sys.exit(self._exit_code)

    def _server(self, listener: Any) -> StreamServer:
        listener.setblocking(1)
        pool = Pool(self.worker_connections)
        server = StreamServer(listener, handle=functools.partial(self.handle, listener), spawn=pool)
        server.start()
        return server

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """One connection."""
        if self._tls is not None:
            client = _secured(client, self._tls)
        if client is not None:
            client.settimeout(self.app.settings.http.timeout_s)
            AsyncWorker.handle(self, listener, client, addr)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """One request; counted, so that draining knows when the last one is answered."""
        self._n_active += 1
        try:
            # who only looks (/health) need not wait for who wants something done
            if req.method not in LOOKS:
                self._turnstile.pass_through()
            super().handle_request(listener_name, req, sock, addr)
        finally:
            self._n_active -= 1
        if not read_past(req):
            req.force_close()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Something that is not answered by the application: a request that can't be read."""
        from server.refusal import answer_to
        from server.refusal import status_of

        peer = addr[0] if addr else "a UNIX socket"
        if status_of(exc) >= 500:
            self.log.exception("error on a connection from %s", peer)
        else:
            _log.debug("refused a request from %s: %s", peer, type(exc).__name__)
        try:
            client.sendall(answer_to(exc))
        except OSError:
            _log.debug("%s did not wait for the answer", peer)

    def _reload(self) -> None:
        """Read again what may have changed; what can't be read stays as it was."""
        from server.app import reload_keys

        sources = [functools.partial(reload_keys, self.wsgi)]
        if self._tls is not None:
            sources.append(functools.partial(tls.reload, self._tls, self.app.settings.http))
        for reload_source in sources:
            try:
                reload_source()
            except ServerError as error:
                _log.error("SIGHUP: %s; what was there before stays", error)
        _log.warning("SIGHUP: read API keys and certificates again")

    # Following the engine

    def _follow_loading(self) -> None:
        engine, settings = self.app.engine, self.app.settings
        name = settings.model.alias[0] if settings.model.alias else Path(settings.model.path).name
        native = logging.getLogger(logs.NATIVE)
        native.addFilter(logs.drop_errors)
        with LoadingBar(sys.stderr, f"loading {name}") as bar:
            while engine.status is Status.LOADING:
                bar.show(engine.board.load_progress)
                gevent.sleep(TICK_S)
        if engine.status is Status.READY:
            native.removeFilter(logs.drop_errors)
            self._ready_byte[0] = 1
            is_tls = self._tls is not None
            urls = ", ".join(url_of(each.getsockname(), is_tls) for each in self.sockets)
            logs.announce(f"llamactl is listening on {urls} (model: {name})")

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        """Engine thread. That there is one says at once that the model is loaded: who is killed
        by its first request has not died while loading.
        """
        self._ready_byte[0] = 1
        for digest in self.running.ended(snapshot):
            self.app.quarantine.clear(digest)
        self.running.write(snapshot)

    def _look_at_engine(self) -> None:
        board = self.app.engine.board
        if board.status is Status.FAILED and self.alive:
            _log.error("%s", board.failure)
            self._exit_code = 1 if self.was_ready else EngineArbiter.WORKER_BOOT_ERROR
            self._is_hurried = True
            self.alive = False

    # Leaving

    def _drain(self) -> None:
        """End the engine and the answers, or leave without them when time is up."""
        grace_s = self.app.settings.operation.drain_timeout_s
        stopping = gevent.spawn(self.app.engine.stop, grace_s)
        deadline = time.monotonic() + grace_s + QUICK_GRACE_S
        was_hurried = False
        while self._n_active or not stopping.dead:
            self.notify()
            if self._is_hurried and not was_hurried:
                was_hurried = True
                deadline = time.monotonic() + QUICK_GRACE_S
                self.app.engine.stop(0, 0)
            if time.monotonic() > deadline:
                self._leave_at_once(self._exit_code)
            gevent.sleep(TICK_S / 2)

    def _leave_at_once(self, code: int) -> None:
        # The engine thread may be inside native code: the interpreter's way out would unload
        # what it runs on.
        self.running.clear()
        logging.shutdown()
        os._exit(code)

    def notify(self) -> None:
        """Show the parent a sign of life; without a parent, leave."""
        self.tmp.notify()
        if self.ppid != os.getppid() and self.alive:
            _log.error("the parent process is gone; leaving")
            self._is_hurried = True
            self.alive = False

    def init_signals(self) -> None:
        """gunicorn's, and SIGHUP; those that came since the fork arrive now."""
        signal.signal(signal.SIGHUP, self.handle_hup)
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WORKERS_OWN)

    def handle_hup(self, sig: int, frame: Any) -> None:
        """SIGHUP: keys and certificates may have changed."""
        self._wants_reload = True

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: drain; at once where nothing was served yet."""
        if not self.booted:
            os._exit(0)
        self.alive = False

    def handle_quit(self, sig: int, frame: Any) -> None:
        """SIGINT (a terminal's) or SIGQUIT (the parent's): leave soon; now where nothing was
        served yet (the parent would not wait for a slow start), and at a second SIGINT.
        """
        self._n_interrupts += sig == signal.SIGINT
        if self._n_interrupts > 1 or not self.booted:
            os._exit(0)
        self._is_hurried = True
        self.alive = False

    def handle_abort(self, sig: int, frame: Any) -> None:
        """SIGABRT: the parent has given up on this worker."""
        os._exit(1)
