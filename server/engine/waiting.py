"""Tasks that have no slot yet, and whose turn it is.

It decides what is refused at once and who may overtake whom; it knows no model and no slots beyond
the chooser that is handed in. How turns are measured is `fairness`'s business.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from collections.abc import Iterator

from server.engine.fairness import Shares
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


Lane = tuple[int, str]
"""Priority and owner."""


class Waiting:
    """Lower priorities first, then owners in turn, then first come, first served.

    A task pinned to a busy slot lets others pass.
    """

    def __init__(self, info: ModelInfo) -> None:
        self._info = info
        self._lanes: dict[Lane, deque[Task]] = {}
        self.shares = Shares()
        self.is_closed = False
        """Whether new tasks are refused."""
        self.lacks_cells = False
        """Whether the next task has a slot and waits for cells, or for who waits for them."""

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def __iter__(self) -> Iterator[Task]:
        return itertools.chain(*self._lanes.values())

    def add(self, task: Task) -> Failed | None:
        """Queue a task, or say why it can never run."""
        error = self._refusal(task)
        if error is None:
            owners = {owner for _, owner in self._lanes}
            if task.owner not in owners:
                self.shares.join(task.owner, owners)
            self._lanes.setdefault((task.priority, task.owner), deque()).append(task)
        return error

    def remove(self, task_ids: frozenset[int]) -> int:
        """Forget tasks whose client is gone; how many those were."""
        n_before = len(self)
        self._keep(lambda task: task.id not in task_ids)
        return n_before - len(self)

    def take_older(self, submitted_before: float) -> list[Task]:
        """Take out the tasks that were submitted before then."""

        def is_older(task: Task) -> bool:
            return task.t_submitted is not None and task.t_submitted < submitted_before

        # lanes are in the order of submission
        if not any(is_older(lane[0]) for lane in self._lanes.values()):
            return []
        found = [task for task in self if is_older(task)]
        self._keep(lambda task: not is_older(task))
        return found

    def take_all(self) -> list[Task]:
        """Empty the queue."""
        tasks, self._lanes = list(self), {}
        return tasks

    def startable(
        self, choose: Callable[[Task], Slot | None], has_room: Callable[[Task], bool]
    ) -> Iterator[tuple[Slot, Task]]:
        """Tasks for which choose finds a slot, in order; they leave the queue as they come.

        While one that could have its slot waits for cells, all wait: others would take them first.
        """
        self.lacks_cells = False
        passed: list[tuple[Lane, Task]] = []
        try:
            while self._lanes:
                lane = self._next_lane()
                task = self._lanes[lane][0]
                slot = choose(task)
                self.lacks_cells = slot is not None and not has_room(task)
                if self.lacks_cells or (slot is None and task.id_slot < 0):
                    return
                self._take_first(lane)
                if slot is None:
                    passed.append((lane, task))
                else:
                    self.shares.charge_prompt(task.owner, len(task.prompt))
                    yield slot, task
        finally:
            for lane, task in reversed(passed):
                self._lanes.setdefault(lane, deque()).appendleft(task)

    def _next_lane(self) -> Lane:
        if len(self._lanes) == 1:
            return next(iter(self._lanes))
        served = self.shares.of
        # of those that were served equally, who came first
        return min(
            self._lanes, key=lambda lane: (lane[0], served(lane[1]), self._lanes[lane][0].id)
        )

    def _take_first(self, lane: Lane) -> None:
        tasks = self._lanes[lane]
        tasks.popleft()
        if not tasks:
            del self._lanes[lane]

    def _keep(self, is_kept: Callable[[Task], bool]) -> None:
        lanes = {lane: deque(filter(is_kept, tasks)) for lane, tasks in self._lanes.items()}
        self._lanes = {lane: tasks for lane, tasks in lanes.items() if tasks}

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
