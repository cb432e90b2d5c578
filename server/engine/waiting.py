"""Tasks that have no slot yet, in the order of their arrival.

It decides what is refused at once and who may overtake whom; it knows no model and no slots beyond
the chooser that is handed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from collections.abc import Iterator

from server.engine.modelinfo import ModelInfo
from server.engine.slot import Slot
from server.engine.task import ErrorKind
from server.engine.task import Failed
from server.engine.task import Task

SHUTTING_DOWN = "The server is shutting down."
CANT_GENERATE = (
    "This model can't generate text: it is an encoder. Ask /v1/embeddings or /v1/rerank, or start "
    "the server with another model."
)


class Waiting:
    """First come, first served; a task pinned to a busy slot lets others pass."""

    def __init__(self, info: ModelInfo) -> None:
        self._info = info
        self._tasks: deque[Task] = deque()
        self.is_closed = False
        """Whether new tasks are refused."""

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks)

    def add(self, task: Task) -> Failed | None:
        """Queue a task, or say why it can never run."""
        error = self._refusal(task)
        if error is None:
            self._tasks.append(task)
        return error

    def remove(self, task_ids: frozenset[int]) -> None:
        """Forget tasks whose client is gone."""
        self._tasks = deque(task for task in self._tasks if task.id not in task_ids)

    def take_all(self) -> list[Task]:
        """Empty the queue."""
        tasks, self._tasks = list(self._tasks), deque()
        return tasks

    def startable(self, choose: Callable[[Task], Slot | None]) -> Iterator[tuple[Slot, Task]]:
        """Tasks for which choose finds a slot, in order; they leave the queue as they come."""
        passed: deque[Task] = deque()
        try:
            while self._tasks:
                slot = choose(self._tasks[0])
                if slot is not None:
                    yield slot, self._tasks.popleft()
                elif self._tasks[0].id_slot < 0:
                    return
                else:
                    passed.append(self._tasks.popleft())
        finally:
            self._tasks.extendleft(reversed(passed))

    def _refusal(self, task: Task) -> Failed | None:
        n_prompt, n_ctx = len(task.prompt), self._info.n_ctx_slot
        if self.is_closed:
            return Failed(task.id, ErrorKind.UNAVAILABLE, SHUTTING_DOWN)
        if not self._info.can_generate:
            return Failed(task.id, ErrorKind.NOT_SUPPORTED, CANT_GENERATE)
        if n_prompt == 0:
            message = "prompt: has no tokens; give some text."
            return Failed(task.id, ErrorKind.INVALID_REQUEST, message)
        if n_prompt >= n_ctx:
            message = (
                f"request ({n_prompt} tokens) exceeds the available context size ({n_ctx} tokens),"
                " try increasing it"
            )
            return Failed(task.id, ErrorKind.EXCEED_CONTEXT_SIZE, message, n_prompt, n_ctx)
        if int(task.prompt.min()) < 0 or int(task.prompt.max()) >= self._info.n_vocab:
            message = f"prompt: token ids must be between 0 and {self._info.n_vocab - 1}."
            return Failed(task.id, ErrorKind.INVALID_REQUEST, message)
        return None
