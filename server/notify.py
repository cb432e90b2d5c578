"""Tells systemd, or what else has set NOTIFY_SOCKET, how the service is.

`Type=notify` units are up when the model is loaded and requests are answered, not before, and are
killed if the parent process stops giving signs of life within `WatchdogSec=`. Without NOTIFY_SOCKET
nothing happens. It knows no worker and no signal. Answers to sd_notify(3), sd_watchdog_enabled(3).
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from collections.abc import MutableMapping

LOADING = "loading the model"
SERVING = "serving"

_SOCKET = "NOTIFY_SOCKET"
_WATCHDOG_US = "WATCHDOG_USEC"
_WATCHDOG_PID = "WATCHDOG_PID"

_log = logging.getLogger(__name__)


class Notifier:
    """The state that was told last, and when. For the parent process's main thread."""

    def __init__(
        self,
        address: str,
        interval_s: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """address: '' = nobody listens; interval_s: between signs of life, None = none wanted."""
        self._address = address
        self._interval_s = interval_s
        self._clock = clock
        self._alive_at: float | None = None
        self._was_ready: bool | None = None
        self._has_started = False

    def tell(self, is_ready: bool) -> None:
        """The parent is alive; is_ready: its worker has the model. Call it about once a second."""
        words: list[str] = []
        if is_ready is not self._was_ready:
            words.append(f"STATUS={SERVING if is_ready else LOADING}")
            # a worker that is replaced later does not take the service down: connections wait
            if is_ready and not self._has_started:
                words.append("READY=1")
                self._has_started = True
            self._was_ready = is_ready
        if self._is_sign_due():
            words.append("WATCHDOG=1")
            self._alive_at = self._clock()
        if words:
            self._send(words)

    def tell_stopping(self) -> None:
        """No new connections are taken; running answers end."""
        self._send(["STOPPING=1", "STATUS=finishing running answers"])

    def _is_sign_due(self) -> bool:
        if self._interval_s is None:
            return False
        return self._alive_at is None or self._clock() - self._alive_at >= self._interval_s

    def _send(self, words: list[str]) -> None:
        if not self._address:
            return
        # "@" stands for the abstract namespace
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.connect(address)
                notify.send("\n".join(words).encode())
        except OSError as error:
            _log.debug("can't tell %s: %s", self._address, error)


def take_notifier(environ: MutableMapping[str, str]) -> Notifier:
    """What the variables ask for. They are removed: children, and gunicorn, are not to speak."""
    address = environ.pop(_SOCKET, "")
    period_us = environ.pop(_WATCHDOG_US, "")
    owner = environ.pop(_WATCHDOG_PID, "")
    is_ours = owner in ("", str(os.getpid()))
    interval_s = int(period_us) / 2e6 if period_us.isdigit() and is_ours else None
    return Notifier(address, interval_s)
