"""The parent process: it owns the listening sockets, keeps one worker alive, and has no model.

gunicorn's arbiter with three changes: there is exactly one worker (signals that would make more
are refused, and SIGUSR2 begins anew when it is gone, instead of running two models at once); a
worker that can't load its model ends the program instead of being started for ever; gunicorn's own
messages go through our log, the routine ones at the trace level.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from gunicorn.glogging import Logger

from server.logs import TRACE
from server.logs import reopen_files
from server.notify import take_notifier
from server.succession import succeed

QUICK_STOP_S = 2
"""How long a worker may take to leave after Ctrl-C."""

MAX_EARLY_DEATHS = 3
"""So many workers may die in a row before one has loaded its model."""

WORTH_SAYING_S = 5.0
"""How long a worker hangs before the log says so."""

EXIT_FAILURE = 1

WORKERS_OWN = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
"""What a worker handles in its own way."""


class EngineArbiter(Arbiter):  # type: ignore[misc]
    """Keeps one worker alive as long as a worker can work at all."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self._n_early_deaths = 0
        self._has_to_go = False
        self._environ = dict(os.environ)
        # gunicorn would say READY=1 before there is a worker
        self._notifier = take_notifier(os.environ)

    def spawn_worker(self) -> Any:
        """Start a worker. A signal that comes before it has handlers of its own waits for them.

        With the handlers that it inherits, it would take the signal for one to the parent.
        What there is by now stays: garbage is sought in it neither in the worker nor at the end.
        """
        gc.freeze()
        gc.enable()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, WORKERS_OWN)
        try:
            return super().spawn_worker()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def murder_workers(self) -> None:
        """Look whether the worker hangs; kill it if it has hung for as long as it may."""
        for pid, worker in list(self.WORKERS.items()):
            trouble, dog = worker.trouble, worker.watchdog
            was_silent = dog.stuck_s >= WORTH_SAYING_S
            dog.look(is_stuck=bool(trouble))
            if dog.is_over:
                self.log.error(
                    "%s has hung for %.0f s (--watchdog); replacing the worker",
                    trouble,
                    dog.stuck_s,
                )
                self.kill_worker(pid, signal.SIGKILL)
            elif dog.stuck_s >= WORTH_SAYING_S and not was_silent and worker.was_ready:
                self.log.warning("%s hangs", trouble)

    def manage_workers(self) -> None:
        """Start a worker where there is none, and tell systemd how things are."""
        if self._has_to_go and not self.WORKERS:
            succeed([listener.fileno() for listener in self.LISTENERS], self._environ)
        super().manage_workers()
        self._notifier.tell(any(worker.was_ready for worker in self.WORKERS.values()))

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """Stop everything and exit; every failure is exit code 1."""
        if exit_status:
            logging.getLogger(__name__).debug("halting: %s", reason)
            exit_status = EXIT_FAILURE
        try:
            # With a status or a reason, gunicorn would add lines of its own to what was said.
            super().halt()
        except SystemExit:
            sys.exit(exit_status)

    def stop(self, graceful: bool = True) -> None:
        """Stop the worker; not graceful: within QUICK_STOP_S."""
        if not graceful:
            self.cfg.set("graceful_timeout", QUICK_STOP_S)
        self._notifier.tell_stopping()
        super().stop(graceful)

    def count_death(self, was_ready: bool) -> None:
        """A worker is gone; was_ready: it had loaded its model."""
        self._n_early_deaths = 0 if was_ready else self._n_early_deaths + 1
        if self._n_early_deaths >= MAX_EARLY_DEATHS:
            self.log.error(
                "the server died %d times while it loaded the model; giving up", MAX_EARLY_DEATHS
            )
            raise HaltServer("early deaths", EXIT_FAILURE)

    def handle_hup(self) -> None:
        """Have the worker read keys and certificates again, and open log files anew."""
        super().handle_usr1()
        self.kill_workers(signal.SIGHUP)

    def handle_ttin(self) -> None:
        """Refused: a second worker would load a second model."""
        self.log.warning("SIGTTIN: ignored, there is always one worker")

    def handle_ttou(self) -> None:
        """Refused, as SIGTTIN."""
        self.log.warning("SIGTTOU: ignored, there is always one worker")

    def handle_usr2(self) -> None:
        """Begin anew: the worker drains and leaves, then a new program takes our place."""
        self.log.warning("SIGUSR2: restarting")
        self._has_to_go = True
        for worker_pid in list(self.WORKERS):
            self.kill_worker(worker_pid, signal.SIGTERM)


class GunicornLog(Logger):  # type: ignore[misc]
    """gunicorn's messages, through the handlers that `server.logs` set up."""

    def setup(self, cfg: Any) -> None:
        """No handlers of its own."""
        self.cfg = cfg
        self.error_log = logging.getLogger("gunicorn")
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
            log.setLevel(logging.NOTSET)

    def reopen_files(self) -> None:
        """Open the log file anew, after it was moved away."""
        reopen_files()

    @property
    def access_log_enabled(self) -> bool:
        """Never: the application has a log of its own (`server.access_log`)."""
        return False

    def info(self, msg: str, *args: object, **kwargs: Any) -> None:
        """Routine of the process: trace."""
        self.error_log.log(TRACE, msg, *args, **kwargs)

    def error(self, msg: str, *args: object, **kwargs: Any) -> None:
        """Errors; but not what the worker has said itself before it left."""
        if args[1:] != (Arbiter.WORKER_BOOT_ERROR,):
            self.error_log.error(msg, *args, **kwargs)

    def exception(self, msg: str, *args: object, **kwargs: Any) -> None:
        """Errors with a traceback; a client that is too slow or gone is none."""
        if isinstance(sys.exc_info()[1], (TimeoutError, ConnectionError)):
            self.error_log.debug(msg, *args, **kwargs)
        else:
            self.error_log.exception(msg, *args, **kwargs)
