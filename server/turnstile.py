"""Requests that arrive all at once begin one after the other, and the hub looks around in between.

To begin a request (read its JSON, render a template, make tokens of it) takes the hub's thread a
millisecond or two; for 2,000 that is seconds in which nobody else would be answered. It knows no
HTTP. gevent only; the hub's thread only.
"""

from __future__ import annotations

from collections import deque

from gevent import get_hub
from greenlet import getcurrent
from greenlet import greenlet


class Turnstile:
    """Lets one greenlet pass in each round of the hub, first come, first served."""

    def __init__(self) -> None:
        self._hub = get_hub()
        self._waiting: deque[greenlet] = deque()
        # a timer that is due lets the loop look at all sockets before it rings
        self._timer = self._hub.loop.timer(0.0)

    def __len__(self) -> int:
        return len(self._waiting)

    def pass_through(self) -> None:
        """Return when it is the caller's turn: at once, where nobody passed in this round."""
        if not self._timer.active:
            self._timer.start(self._next, update=True)
            return
        me = getcurrent()
        self._waiting.append(me)
        try:
            self._hub.switch()
        except BaseException:
            # killed while it waited
            if me in self._waiting:
                self._waiting.remove(me)
            raise

    def _next(self) -> None:
        """Hub: a round has passed."""
        self._timer.stop()
        if self._waiting:
            self._timer.start(self._next, update=True)
            self._waiting.popleft().switch()
