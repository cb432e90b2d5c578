"""What request handlers hold of the engine: submit tasks, receive events, leave at any time.

Safe from any greenlet or thread. It knows no HTTP; the crossing to the engine thread itself is in
`mailbox`.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import replace

from server.engine.mailbox import Board
from server.engine.mailbox import Cancel
from server.engine.mailbox import Embed
from server.engine.mailbox import EndReasoning
from server.engine.mailbox import Mailbox
from server.engine.mailbox import Message
from server.engine.mailbox import SlotAction
from server.engine.mailbox import Status
from server.engine.mailbox import Stop
from server.engine.mailbox import Submit
from server.engine.snapshot import Snapshot
from server.engine.task import EmbeddingTask
from server.engine.task import Event
from server.engine.task import Task
from server.engine.task import is_last

STOP_POLL_S = 0.01


class Request:
    """The handler's hold on its tasks: receive events, and cancel by leaving.

    A context manager: leaving it before every task ended cancels what is left, whatever the
    reason (an exception, a client that went away, GeneratorExit of a closed response).
    """

    def __init__(self, mailbox: Mailbox, ids: Sequence[int], message: Message) -> None:
        self._mailbox = mailbox
        self._ids = tuple(ids)
        self._open = set(self._ids)
        self._stream = mailbox.delivery.open(self._ids)
        self.is_abandoned = False
        mailbox.post(message)

    def __enter__(self) -> Request:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def is_done(self) -> bool:
        """Whether the last event of every task was received."""
        return not self._open

    def get(self, timeout: float | None = None) -> Event | None:
        """The next event of any of the tasks; None after timeout seconds or on `abandon`."""
        event = self._stream.get(timeout)
        if event is not None and is_last(event):
            self._open.discard(event.task_id)
        return event

    def abandon(self) -> None:
        """The client is gone: cancel and wake the handler, whose `get` returns None.

        From the hub (gevent) or from any thread (threads).
        """
        self.is_abandoned = True
        self._cancel()
        self._stream.interrupt()

    def close(self) -> None:
        """Cancel what has not ended and forget the stream. Idempotent."""
        self._cancel()
        self._mailbox.delivery.close(self._ids)

    def _cancel(self) -> None:
        if self._open:
            self._mailbox.post(Cancel(tuple(self._open)))
            self._open.clear()


class EngineClient:
    """What the HTTP side holds of the engine. Safe from any greenlet or thread."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._ids = itertools.count()

    @property
    def board(self) -> Board:
        """The engine's latest state: status, load progress, model info, tokenizer, snapshot."""
        return self._mailbox.board

    @property
    def status(self) -> Status:
        """Where the engine is in its life."""
        return self.board.status

    @property
    def overdue_s(self) -> float:
        """For how long the engine has been at one step beyond what it can plausibly take."""
        return self._mailbox.pulse.overdue_s

    def follow(self, on_snapshot: Callable[[Snapshot], None]) -> None:
        """Have every snapshot handed over on the engine's thread, before the step that follows."""
        self._mailbox.on_snapshot = on_snapshot

    def next_task_id(self) -> int:
        """A fresh id; ids grow from 0."""
        return next(self._ids)

    def submit(self, tasks: Iterable[Task]) -> Request:
        """Queue tasks; use the result as a context manager, so that leaving cancels."""
        now = time.monotonic()
        posted = tuple(replace(task, t_submitted=now) for task in tasks)
        return Request(self._mailbox, [task.id for task in posted], Submit(posted))

    def embed(self, tasks: Iterable[EmbeddingTask]) -> Request:
        """Queue the texts of one request; use the result as a context manager."""
        now = time.monotonic()
        posted = tuple(replace(task, t_submitted=now) for task in tasks)
        return Request(self._mailbox, [task.id for task in posted], Embed(posted))

    def act(self, action: SlotAction) -> Request:
        """Do something to a slot; answered by one event. Leaving the result cancels."""
        return Request(self._mailbox, [action.id], action)

    def end_reasoning(self, cmpl_id: str) -> Request:
        """Let a completion stop thinking; answered by one event."""
        wish = EndReasoning(self.next_task_id(), cmpl_id)
        return Request(self._mailbox, [wish.id], wish)

    def wait_ready(self, timeout_s: float) -> Status:
        """Block (green or native) while the model loads; the status then."""
        deadline = time.monotonic() + timeout_s
        while self.status is Status.LOADING and time.monotonic() < deadline:
            time.sleep(STOP_POLL_S)
        return self.status

    def stop(self, grace_s: float, timeout_s: float | None = None) -> bool:
        """Drain: admit nothing, give running tasks grace_s seconds, then end them.

        Returns whether the engine thread is done within timeout_s (default: grace_s + 5).
        """
        self._mailbox.post(Stop(grace_s))
        deadline = time.monotonic() + (grace_s + 5 if timeout_s is None else timeout_s)
        while self.status in (Status.LOADING, Status.READY) and time.monotonic() < deadline:
            time.sleep(STOP_POLL_S)
        return self.status in (Status.STOPPED, Status.FAILED)
