"""How events reach greenlets: a native deque and one `loop.async_()` watcher for the process.

gevent's own objects must not be touched from another thread (gevent issues 1739 and 2013), so the
engine's thread appends and rings, and the hub hands out. Answers to `delivery`'s protocols.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence

from gevent import get_hub
from greenlet import getcurrent
from greenlet import greenlet

from server.engine.delivery import LogLine
from server.engine.delivery import Stream
from server.engine.task import Event


class GeventStream:
    """A stream for one greenlet at a time; touched on the hub's thread only.

    The hub switches to the waiting greenlet directly, and one timer serves all its waits: gevent's
    own Event and Timeout would cost more than all else that is done for a token.
    """

    def __init__(self) -> None:
        self._hub = get_hub()
        self._events: deque[Event] = deque()
        self._is_interrupted = False
        self._waiter: greenlet | None = None
        self._deadline = math.inf
        self._timer = self._hub.loop.timer(0.0)
        self._rings_at = math.inf

    def get(self, timeout: float | None = None) -> Event | None:
        """See Stream."""
        if not self._events and not self._is_interrupted:
            self._wait(timeout)
        self._is_interrupted = False
        return self._events.popleft() if self._events else None

    def _wait(self, timeout: float | None) -> None:
        self._deadline = math.inf
        if timeout is not None:
            self._deadline = time.monotonic() + timeout
            # an earlier ring is left as it is: it will find that it came too early
            if not self._timer.active or self._rings_at > self._deadline:
                self._ring_in(timeout)
        self._waiter = getcurrent()
        try:
            self._hub.switch()
        finally:
            self._waiter = None

    def interrupt(self) -> None:
        """See Stream."""
        self._is_interrupted = True
        self._wake()

    def put(self, event: Event) -> None:
        """See Stream."""
        self._events.append(event)
        self._wake()

    def close(self) -> None:
        """Nobody waits any more."""
        self._timer.stop()
        self._timer.close()

    def _wake(self) -> None:
        if self._waiter is None:
            return
        if getcurrent() is self._hub:
            self._waiter.switch()
        else:
            self._hub.loop.run_callback(self._wake)

    def _ring_in(self, seconds: float) -> None:
        self.close()
        self._timer = self._hub.loop.timer(max(seconds, 0.0))
        self._rings_at = time.monotonic() + seconds
        self._timer.start(self._on_timer)

    def _on_timer(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            self._wake()
        elif left < math.inf:
            self._ring_in(left)


class GeventDelivery:
    """Events from the engine thread to greenlets; make it in the hub's thread, after the fork."""

    def __init__(self) -> None:
        self._outbox: deque[Event | LogLine] = deque()
        self._streams: dict[int, GeventStream] = {}
        self._watcher = get_hub().loop.async_(ref=False)
        self._watcher.start(self._dispatch)

    def open(self, task_ids: Sequence[int]) -> Stream:
        """See Delivery."""
        stream = GeventStream()
        self._streams.update((task_id, stream) for task_id in task_ids)
        return stream

    def close(self, task_ids: Sequence[int]) -> None:
        """See Delivery."""
        for task_id in task_ids:
            stream = self._streams.pop(task_id, None)
            if stream is not None:
                stream.close()

    def publish(self, events: Sequence[Event]) -> None:
        """See Delivery."""
        self._outbox.extend(events)
        self._watcher.send()

    def log(self, line: LogLine) -> None:
        """See Delivery."""
        self._outbox.append(line)
        self._watcher.send()

    def _dispatch(self) -> None:
        outbox = self._outbox
        while outbox:
            item = outbox.popleft()
            if isinstance(item, LogLine):
                item.write()
            else:
                stream = self._streams.get(item.task_id)
                if stream is not None:
                    stream.put(item)
