"""How events leave the engine thread: one wake-up for all events of a step.

Under plain threads one native queue for each stream; gevent's form is in `green_delivery`. It knows
events by their task id and nothing of what they say.

`_queue.SimpleQueue` is used by its private name on purpose: gevent replaces `queue.SimpleQueue`,
and the engine must never block on a green primitive.
"""

from __future__ import annotations

import logging
from _queue import Empty
from _queue import SimpleQueue
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from server.engine.task import Event


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line for stdlib logging. `level` is one of logging's numbers."""

    logger: str
    level: int
    text: str
    request_id: str = ""

    def write(self) -> None:
        """Hand it to logging; where logging's locks may be taken."""
        logging.getLogger(self.logger).log(
            self.level, "%s", self.text, extra={"request_id": self.request_id}
        )


class Stream(Protocol):
    """The events of the tasks of one request, in the order in which they happened."""

    def get(self, timeout: float | None = None) -> Event | None:
        """The next event; None when timeout seconds passed, or at once after `interrupt`."""
        ...

    def interrupt(self) -> None:
        """Wake a waiting `get` with None. From the receiving side only (hub or any thread)."""
        ...

    def put(self, event: Event) -> None:
        """Deliver; called by the receiving side's dispatcher."""
        ...


class Delivery(Protocol):
    """How events and log records reach the side of the handlers."""

    def open(self, task_ids: Sequence[int]) -> Stream:
        """A stream that receives the events of these tasks."""
        ...

    def close(self, task_ids: Sequence[int]) -> None:
        """Drop what still comes for these tasks."""
        ...

    def publish(self, events: Sequence[Event]) -> None:
        """Engine thread: hand over all events of one step."""
        ...

    def log(self, line: LogLine) -> None:
        """Any native thread: have a line logged where logging's locks may be taken."""
        ...


class ThreadStream:
    """A stream for handlers on plain threads."""

    def __init__(self) -> None:
        self._events: SimpleQueue[Event | None] = SimpleQueue()

    def get(self, timeout: float | None = None) -> Event | None:
        try:
            return self._events.get(True, timeout)
        except Empty:
            return None

    def interrupt(self) -> None:
        self._events.put(None)

    def put(self, event: Event) -> None:
        self._events.put(event)


class ThreadDelivery:
    """Events between native threads: gunicorn gthread, waitress, uWSGI, mod_wsgi, tests."""

    def __init__(self) -> None:
        self._streams: dict[int, ThreadStream] = {}

    def open(self, task_ids: Sequence[int]) -> Stream:
        stream = ThreadStream()
        self._streams.update((task_id, stream) for task_id in task_ids)
        return stream

    def close(self, task_ids: Sequence[int]) -> None:
        for task_id in task_ids:
            self._streams.pop(task_id, None)

    def publish(self, events: Sequence[Event]) -> None:
        for event in events:
            stream = self._streams.get(event.task_id)
            if stream is not None:
                stream.put(event)

    def log(self, line: LogLine) -> None:
        line.write()


def choose_delivery() -> Delivery:
    """The form that fits this process: gevent's where threading is patched, else native."""
    try:
        from gevent.monkey import is_module_patched
    except ImportError:
        return ThreadDelivery()
    if not is_module_patched("threading"):
        return ThreadDelivery()
    from server.engine.green_delivery import GeventDelivery

    return GeventDelivery()
