"""The one place where the engine thread meets request handlers.

Inbound, handlers post messages to a native queue that the engine drains at the start of a step.
Outbound, the engine publishes all events of a step at once (`delivery.py`), and shows its state on
a board that is replaced whole. It knows no model and no HTTP.

`_queue.SimpleQueue` is used by its private name on purpose: gevent replaces `queue.SimpleQueue`,
and the engine must never block on a green primitive.
"""

from __future__ import annotations

from _queue import Empty
from _queue import SimpleQueue
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from server.engine.delivery import Delivery
from server.engine.delivery import LogLine
from server.engine.modelinfo import ModelInfo
from server.engine.modelinfo import Tokenizer
from server.engine.pulse import Pulse
from server.engine.snapshot import Counters
from server.engine.snapshot import Snapshot
from server.engine.task import Adapters
from server.engine.task import EmbeddingTask
from server.engine.task import Event
from server.engine.task import Task
from server.engine.task import Tokens


@dataclass(frozen=True, slots=True, eq=False)
class Submit:
    """Post tasks that were validated; each answers with events until a last one."""

    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Embed:
    """Post the texts of one request; each answers with one event."""

    tasks: tuple[EmbeddingTask, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    """The client is gone: free whatever these tasks hold. Unknown ids are ignored."""

    task_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """Admit nothing more; end what still runs after grace_s seconds; then leave the thread."""

    grace_s: float


@dataclass(frozen=True, slots=True)
class SaveSlot:
    """Hand out the tokens and the state of a slot. id_slot counts modulo the slots."""

    id: int
    id_slot: int


@dataclass(frozen=True, slots=True, eq=False)
class RestoreSlot:
    """Let a slot hold these tokens, whose state is this, in place of its own."""

    id: int
    id_slot: int
    tokens: Tokens
    state: NDArray[np.uint8]
    cache_salt: str = ""
    adapters: Adapters = ()
    n_bare: int = 0
    checkpoints: tuple[tuple[int, NDArray[np.uint8]], ...] = ()


@dataclass(frozen=True, slots=True)
class EraseSlot:
    """Let a slot hold nothing."""

    id: int
    id_slot: int


@dataclass(frozen=True, slots=True)
class EndReasoning:
    """Let a completion stop thinking as soon as it can; answered at once by ReasoningEnded."""

    id: int
    cmpl_id: str


SlotAction = SaveSlot | RestoreSlot | EraseSlot
"""Waits until the slot is idle; answered by SlotDone or Failed with its id."""

Message = Submit | Embed | Cancel | Stop | SaveSlot | RestoreSlot | EraseSlot | EndReasoning


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
    snapshot: Snapshot = field(default_factory=lambda: Snapshot((), 0, Counters()))


class Mailbox:
    """The engine's end: what comes in, what goes out, what is shown."""

    def __init__(self, delivery: Delivery, pulse: Pulse | None = None) -> None:
        self.delivery = delivery
        self.pulse = Pulse() if pulse is None else pulse
        self.board = Board()
        self.on_snapshot: Callable[[Snapshot], None] | None = None
        """Called on the engine's thread; must be quick."""
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

    def log(self, logger: str, level: int, text: str, request_id: str = "") -> None:
        """Any native thread: have a line logged without touching logging's locks here."""
        self.delivery.log(LogLine(logger, level, text, request_id))

    def show(self, **changes: object) -> None:
        """Engine thread: replace parts of the board."""
        self.board = replace(self.board, **changes)  # type: ignore[arg-type]
        if self.on_snapshot is not None and "snapshot" in changes:
            self.on_snapshot(self.board.snapshot)
