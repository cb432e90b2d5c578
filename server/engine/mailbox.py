"""The one place where the engine thread meets request handlers.

Inbound, handlers post messages to a native queue that the engine drains at the start of a step.
Outbound, the engine publishes all events of a step at once and wakes the receiving side with ONE
signal: under gevent a native deque and one `loop.async_()` watcher per process, because gevent's
own objects must not be touched from another thread (gevent issues 1739 and 2013); under plain
threads one native queue for each stream.

It knows no model and no HTTP. `_queue.SimpleQueue` is used by its private name on purpose: gevent
replaces `queue.SimpleQueue`, and the engine must never block on a green primitive.
"""

from __future__ import annotations

import logging
from _queue import Empty
from _queue import SimpleQueue
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from enum import Enum
from typing import Protocol
from typing import Union

from server.engine.modelinfo import ModelInfo
from server.engine.modelinfo import Tokenizer
from server.engine.task import Counters
from server.engine.task import Event
from server.engine.task import Snapshot
from server.engine.task import Task


@dataclass(frozen=True, slots=True, eq=False)
class Submit:
    """Post tasks that were validated; each answers with events until a last one."""

    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    """The client is gone: free whatever these tasks hold. Unknown ids are ignored."""

    task_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line for stdlib logging. `level` is one of logging's numbers."""

    logger: str
    level: int
    text: str

    def write(self) -> None:
        """Hand it to logging; where logging's locks may be taken."""
        logging.getLogger(self.logger).log(self.level, "%s", self.text)


@dataclass(frozen=True, slots=True)
class Stop:
    """Admit nothing more; end what still runs after grace_s seconds; then leave the thread."""

    grace_s: float


Message = Union[Submit, Cancel, Stop]


class Status(Enum):
    """Where the engine is in its life."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, eq=False)
class Board:
    """What the engine shows to everybody. Replaced whole, so reading it needs no lock."""

    status: Status = Status.LOADING
    load_progress: float = 0.0
    failure: str | None = None
    info: ModelInfo | None = None
    tokenizer: Tokenizer | None = None
    snapshot: Snapshot = Snapshot((), 0, Counters())


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


class GeventStream:
    """A stream for a greenlet; touched on the hub's thread only."""

    def __init__(self) -> None:
        from gevent.event import Event as GreenEvent

        self._events: deque[Event] = deque()
        self._ready = GreenEvent()

    def get(self, timeout: float | None = None) -> Event | None:
        if not self._events:
            self._ready.wait(timeout)
        self._ready.clear()
        return self._events.popleft() if self._events else None

    def interrupt(self) -> None:
        self._ready.set()

    def put(self, event: Event) -> None:
        self._events.append(event)
        self._ready.set()


class GeventDelivery:
    """Events from the engine thread to greenlets; make it in the hub's thread, after the fork."""

    def __init__(self) -> None:
        from gevent import get_hub

        self._outbox: deque[Event | LogLine] = deque()
        self._streams: dict[int, GeventStream] = {}
        self._watcher = get_hub().loop.async_(ref=False)
        self._watcher.start(self._dispatch)

    def open(self, task_ids: Sequence[int]) -> Stream:
        stream = GeventStream()
        self._streams.update((task_id, stream) for task_id in task_ids)
        return stream

    def close(self, task_ids: Sequence[int]) -> None:
        for task_id in task_ids:
            self._streams.pop(task_id, None)

    def publish(self, events: Sequence[Event]) -> None:
        self._outbox.extend(events)
        self._watcher.send()

    def log(self, line: LogLine) -> None:
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


def choose_delivery() -> Delivery:
    """The form that fits this process: gevent's where threading is patched, else native."""
    try:
        from gevent.monkey import is_module_patched
    except ImportError:
        return ThreadDelivery()
    return GeventDelivery() if is_module_patched("threading") else ThreadDelivery()


class Mailbox:
    """The engine's end: what comes in, what goes out, what is shown."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.board = Board()
        self._inbox: SimpleQueue[Message] = SimpleQueue()

    def post(self, message: Message) -> None:
        """Any thread, never blocks."""
        self._inbox.put(message)

    def drain(self) -> list[Message]:
        """Engine thread: everything posted so far, in order."""
        messages = []
        try:
            while True:
                messages.append(self._inbox.get_nowait())
        except Empty:
            return messages

    def wait(self, timeout: float | None = None) -> list[Message]:
        """Engine thread: sleep until something is posted or timeout seconds passed."""
        try:
            first = self._inbox.get(True, timeout)
        except Empty:
            return []
        return [first, *self.drain()]

    def publish(self, events: Sequence[Event]) -> None:
        """Engine thread: all events of a step, one wake-up."""
        if events:
            self.delivery.publish(events)

    def log(self, logger: str, level: int, text: str) -> None:
        """Any native thread: have a line logged without touching logging's locks here."""
        self.delivery.log(LogLine(logger, level, text))

    def show(self, **changes: object) -> None:
        """Engine thread: replace parts of the board."""
        self.board = replace(self.board, **changes)  # type: ignore[arg-type]
