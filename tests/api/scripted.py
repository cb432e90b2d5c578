"""The engine's side of a mailbox, worked by a test: it takes what was posted and says anything.

A real user of the mailbox, for what the real engine would say too seldom or too late: failures in
the middle of a stream, silence, waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager

import numpy as np

from server.engine.client import EngineClient
from server.engine.delivery import ThreadDelivery
from server.engine.mailbox import Cancel
from server.engine.mailbox import Mailbox
from server.engine.mailbox import Message
from server.engine.mailbox import Status
from server.engine.mailbox import Submit
from server.engine.snapshot import SlotSnapshot
from server.engine.task import Event
from server.engine.task import Finished
from server.engine.task import StopType
from server.engine.task import Task
from server.engine.task import Timings
from server.engine.task import Token
from tests.byte_tokenizer import ByteTokenizer
from tests.fakes import info

WAIT_S = 30.0


class ScriptedEngine:
    """Waits for messages and publishes events, as the test says."""

    def __init__(self) -> None:
        self._mailbox = Mailbox(ThreadDelivery())
        self._mailbox.show(status=Status.READY, info=info(), tokenizer=ByteTokenizer())
        self._messages: list[Message] = []
        self.client = EngineClient(self._mailbox)

    def show(self, **changes: object) -> None:
        """Change the board."""
        self._mailbox.show(**changes)

    def next_message(self) -> Message:
        """The next message that handlers posted; fails if none comes."""
        if not self._messages:
            self._messages = self._mailbox.wait(WAIT_S)
        assert self._messages, "no message came"
        return self._messages.pop(0)

    def tasks(self) -> Sequence[Task]:
        """The tasks of the next submit."""
        message = self.next_message()
        assert isinstance(message, Submit), message
        return message.tasks

    def cancelled(self) -> Sequence[int]:
        """The task ids of the next cancel."""
        message = self.next_message()
        assert isinstance(message, Cancel), message
        return message.task_ids

    def say(self, *events: Event) -> None:
        """Publish events as one step."""
        self._mailbox.publish(events)

    @contextmanager
    def answering(self, answer: Callable[[Task], Sequence[Event]]) -> Iterator[None]:
        """Meanwhile, on another thread: answer the tasks of one request."""

        def work() -> None:
            try:
                for task in self.tasks():
                    self.say(*answer(task))
            except BaseException:
                self.close()  # or who asked would wait for ever
                raise

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            thread.join(WAIT_S)

    def close(self) -> None:
        """Say that the engine is gone, so that no handler waits for it."""
        self._mailbox.show(status=Status.STOPPED)


def token(task: Task, text: str, n: int = 1) -> Token:
    """The n-th token of a task."""
    return Token(task.id, text, ord(text[0]) if text else 0, Timings(n_decoded=n))


def finished(task: Task, text: str = "", **fields: object) -> Finished:
    """The end of a task by its limit."""
    values: dict[str, object] = {
        "task_id": task.id,
        "text": text,
        "tokens": (),
        "probs": (),
        "stop_type": StopType.LIMIT,
        "stopping_word": "",
        "truncated": False,
        "has_new_line": False,
        "n_prompt": len(task.prompt),
        "n_cached_end": len(task.prompt),
        "id_slot": 0,
        "timings": Timings(n_decoded=len(text)),
    }
    return Finished(**(values | fields))  # type: ignore[arg-type]


def slot_snapshot(*, is_processing: bool, n_decoded: int = 0, text: str = "") -> SlotSnapshot:
    """A slot with the prompt "hi"."""
    task = Task(0, np.frombuffer(b"hi", np.uint8).astype(np.int32))
    timings = Timings(n_decoded=n_decoded)
    return SlotSnapshot(
        0, 64, is_processing, task, 2, is_processing, False, -1, timings, None, text
    )
