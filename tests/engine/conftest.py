"""An engine without a thread: tests post, tick and read events."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from collections.abc import Sequence

import numpy as np
import pytest

from server.engine.config import EngineConfig
from server.engine.delivery import ThreadDelivery
from server.engine.engine import Engine
from server.engine.mailbox import Cancel
from server.engine.mailbox import Embed
from server.engine.mailbox import Mailbox
from server.engine.mailbox import Stop
from server.engine.mailbox import Submit
from server.engine.task import Adapters
from server.engine.task import Embedded
from server.engine.task import EmbeddingTask
from server.engine.task import Event
from server.engine.task import Failed
from server.engine.task import Finished
from server.engine.task import Task
from server.engine.task import Token
from server.engine.task import Vectors
from server.engine.task import is_last
from tests.fakes import FakeRunner
from tests.fakes import next_letter


def shifted(
    prompt: Sequence[int], n_predict: int, n_ctx: int, n_keep: int = 0, n_discard: int = 0
) -> str:
    """What next_letter says to prompt when a context is shifted by llama-server's rule."""
    held, said = list(prompt), [next_letter(prompt)]
    n_kept = min((len(prompt) if n_keep < 0 else n_keep) + 1, n_ctx - 4)  # 1: the BOS token
    while len(said) < n_predict:
        if len(held) + 1 >= n_ctx:
            n_left = len(held) - n_kept
            del held[n_kept : n_kept + min(n_discard or n_left // 2, n_left - 1)]
        held.append(said[-1])
        said.append(next_letter(held))
    return bytes(said[:n_predict]).decode()


class Bench:
    """Drives one engine by hand and collects what every task received."""

    def __init__(self, runner: FakeRunner, config: EngineConfig | None = None) -> None:
        self.runner = runner
        self.now = 0.0
        self.look_s = 0.0
        """Seconds that looking at the clock takes: more than none where durations matter."""
        self.mailbox = Mailbox(ThreadDelivery())
        self.engine = Engine(runner, self.mailbox, config, clock=self._clock)
        self.events: dict[int, list[Event]] = {}
        self._ids = itertools.count()
        self.mailbox.delivery.publish = self._collect  # type: ignore[method-assign]

    def _clock(self) -> float:
        self.now += self.look_s
        return self.now

    def _collect(self, events: object) -> None:
        for event in events:  # type: ignore[attr-defined]
            self.events.setdefault(event.task_id, []).append(event)

    def next_id(self) -> int:
        """An id for a message, in the order of their coming."""
        return next(self._ids)

    def submit(self, text: str | list[int] = "hello", **fields: object) -> Task:
        """Queue one task; a str prompt is its bytes."""
        return self.submit_several(1, text, **fields)[0]

    def submit_several(
        self, n: int, text: str | list[int] = "hello", **fields: object
    ) -> tuple[Task, ...]:
        """Queue n completions of one prompt."""
        prompt = np.array(list(text.encode()) if isinstance(text, str) else text, np.int32)
        ids = [next(self._ids) for _ in range(n)]
        first = ids[0] if n > 1 else -1
        tasks = tuple(Task(i, prompt, first=first, **fields) for i in ids)  # type: ignore[arg-type]
        self.mailbox.post(Submit(tasks))
        return tasks

    def embed(
        self,
        *texts: str,
        adapters: Adapters = (),
        owner: str = "",
        t_submitted: float | None = None,
    ) -> list[EmbeddingTask]:
        """Queue the texts of one request; their tokens are their bytes."""
        prompts = [np.frombuffer(text.encode(), np.uint8).astype(np.int32) for text in texts]
        rest = (adapters, t_submitted, owner)
        tasks = [EmbeddingTask(next(self._ids), prompt, *rest) for prompt in prompts]
        self.mailbox.post(Embed(tuple(tasks)))
        return tasks

    def vectors(self, task: EmbeddingTask) -> Vectors:
        """What a text became."""
        event = self.last(task)
        assert isinstance(event, Embedded), event
        return event.vectors

    def failed(self, task: Task | EmbeddingTask) -> Failed:
        """The last event of a task that failed."""
        event = self.last(task)
        assert isinstance(event, Failed), event
        return event

    def cancel(self, *tasks: Task | EmbeddingTask) -> None:
        """Say that the clients of tasks are gone."""
        self.mailbox.post(Cancel(tuple(task.id for task in tasks)))

    def stop(self, grace_s: float) -> None:
        """Ask the engine to stop."""
        self.mailbox.post(Stop(grace_s))

    def tick(self, n: int = 1) -> None:
        """n steps, a millisecond each."""
        for _ in range(n):
            self.now += 0.001
            self.engine.tick()

    def run(self, max_ticks: int = 10_000) -> None:
        """Tick until idle."""
        for _ in range(max_ticks):
            self.tick()
            if self.engine.is_idle:
                return
        raise AssertionError("the engine never became idle")

    def last(self, task: Task | EmbeddingTask) -> Event:
        """The task's last event, checked to be its only last one."""
        events = self.events[task.id]
        assert [is_last(event) for event in events].count(True) == 1
        assert is_last(events[-1])
        return events[-1]

    def finished(self, task: Task) -> Finished:
        """The last event of a task that ended by itself."""
        event = self.last(task)
        assert isinstance(event, Finished), event
        return event

    def text(self, task: Task) -> str:
        """Everything that a task that ended by itself said."""
        streamed = "".join(e.text for e in self.events[task.id] if isinstance(e, Token))
        return streamed + self.finished(task).text

    def generate(self, text: str | list[int] = "hello", **fields: object) -> Finished:
        """Submit, run until idle, and return the result."""
        task = self.submit(text, **fields)
        self.run()
        return self.finished(task)


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """Makes a Bench over a FakeRunner with the given rule and ModelInfo overrides."""

    def make(*args: object, config: EngineConfig | None = None, **overrides: object) -> Bench:
        return Bench(FakeRunner(*args, **overrides), config)  # type: ignore[arg-type]

    return make
