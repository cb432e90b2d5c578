"""Texts to embed: packed into few batches, whatever slots there are, computed beside generation.

A text needs no slot. Where the model has a memory it takes cells until it is done, as a guest: it
gives them back, and begins again later, when requests that generate need them. A batch that fails
is computed again text by text, so that the culprit alone ends. Answers to what
`server-context.cpp` of llama.cpp does for SERVER_TASK_TYPE_EMBEDDING and _RERANK. Engine thread
only.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from server.engine.budget import PrefillBudget
from server.engine.errors import NO_NUMBER
from server.engine.errors import DecodeFailed
from server.engine.errors import KvFull
from server.engine.lent import LentCells
from server.engine.memory import Memory
from server.engine.modelinfo import ModelInfo
from server.engine.pulse import Pulse
from server.engine.reading import Reading
from server.engine.reading import Readings
from server.engine.reading import Together
from server.engine.reading import Turn
from server.engine.runner import Embedder
from server.engine.runner import ModelRunner
from server.engine.runner import Part
from server.engine.slots import Slots
from server.engine.stats import End
from server.engine.task import Embedded
from server.engine.task import EmbeddingTask
from server.engine.task import ErrorKind
from server.engine.task import Failed
from server.engine.task import Vectors
from server.engine.waiting import SHUTTING_DOWN

N_PASSED = 32
"""How many texts that don't fit into a batch may be overtaken by shorter ones."""

EXPIRY_S = 0.1
"""How often all texts are looked at for those that have waited too long."""

NOT_ENABLED = "This server does not support embeddings. Start it with `--embeddings`"


class Planned(NamedTuple):
    """A reading in a batch, and how many of its tokens."""

    turn: Turn
    n: int

    @property
    def reading(self) -> Reading:
        """The text."""
        return self.turn.reading


class Embeddings:
    """Everything that is to be embedded. `events` of the slots take the answers."""

    def __init__(
        self,
        runner: ModelRunner,
        slots: Slots,
        memory: Memory,
        clock: Callable[[], float],
        max_step_s: float,
        pulse: Pulse,
    ) -> None:
        self._runner = runner
        self._info: ModelInfo = runner.info
        self._slots = slots
        self._memory = memory
        self._clock = clock
        self._pulse = pulse
        self._budget = PrefillBudget(max_step_s)
        embedder = runner.embedder
        self._readings = Readings(embedder.n_rows if embedder else 1)
        self._free_texts = list(range(embedder.n_texts if embedder else 0))[::-1]
        self._expires_at = float("-inf")
        self.is_closed = False
        """Whether new texts are refused."""
        self.lent = LentCells(memory, self._readings, self._release)
        if embedder is not None and embedder.holds_cells:
            memory.guest = self.lent

    def __len__(self) -> int:
        return len(self._readings)

    # in

    def add(self, tasks: Iterable[EmbeddingTask]) -> None:
        """The texts of one request."""
        readings, together = [], Together()
        for task in tasks:
            refusal = self._refusal(task)
            if refusal is None:
                readings.append(Reading(task, self._info.pooling, together))
            else:
                self._slots.refuse([refusal])
        self._readings.add(readings)

    def _refusal(self, task: EmbeddingTask) -> Failed | None:
        n_prompt, n_max = len(task.prompt), self._info.n_text_max
        if self.is_closed:
            return Failed(task.id, ErrorKind.UNAVAILABLE, SHUTTING_DOWN)
        if self._runner.embedder is None:
            return Failed(task.id, ErrorKind.NOT_SUPPORTED, NOT_ENABLED)
        if n_prompt == 0:
            message = "Input content cannot be empty"
            return Failed(task.id, ErrorKind.INVALID_REQUEST, message)
        if n_prompt > n_max:
            message = too_long(n_prompt, self._info)
            return Failed(task.id, ErrorKind.EXCEED_CONTEXT_SIZE, message, n_prompt, n_max)
        if int(task.prompt.min()) < 0 or int(task.prompt.max()) >= self._info.n_vocab:
            message = f"input: token ids must be between 0 and {self._info.n_vocab - 1}."
            return Failed(task.id, ErrorKind.INVALID_REQUEST, message)
        return None

    def remove(self, task_ids: frozenset[int]) -> None:
        """Forget texts whose client is gone."""
        for reading in self._readings.remove(lambda reading: reading.task.id in task_ids):
            self._release(reading)
            self._slots.stats.ended[End.CANCELLED] += 1

    def expire(self, timeout_s: float) -> None:
        """Refuse requests that wait for so long, and of which nothing is computed."""
        now = self._clock()
        if now < self._expires_at:
            return
        self._expires_at, submitted_before = now + EXPIRY_S, now - timeout_s
        message = f"The texts' turn did not come within {timeout_s:g} s (--queue-timeout)."

        def is_late(reading: Reading) -> bool:
            submitted = reading.task.t_submitted
            is_old = submitted is not None and submitted < submitted_before
            return is_old and not reading.others.have_begun

        for reading in self._readings.remove(is_late):
            self._release(reading)
            self._slots.refuse([Failed(reading.task.id, ErrorKind.OVERLOADED, message)])

    def end_all(self) -> None:
        """The server stops."""
        for reading in self._readings.take_all():
            self._release(reading)
            self._fail(reading, ErrorKind.UNAVAILABLE, SHUTTING_DOWN)

    def abandon(self) -> list[EmbeddingTask]:
        """Take out all that waits; the runner is not touched."""
        return [reading.task for reading in self._readings.take_all()]

    # one batch

    def step(self, *, n_streams: int) -> bool:
        """Compute a batch. False: its output is no number, and the memory may be spoiled.

        n_streams: how many requests wait for their next token meanwhile.
        """
        embedder = self._runner.embedder
        self.lent.look()
        if embedder is None or not self._readings:
            return True
        n_rows = self._budget.grant(n_streams=n_streams, n_prompts=1, n_batch=embedder.n_rows)
        batch = self._plan(n_rows, embedder)
        if not batch:
            return True
        self._runner.use_adapters(batch[0].reading.task.adapters)
        parts = [
            Part(p.reading.i_text, p.reading.n_done, p.reading.next_tokens(p.n)) for p in batch
        ]
        self._pulse.allow(self._budget.plausible_s(sum(planned.n for planned in batch)))
        started = self._clock()
        try:
            vectors = embedder.embed(parts)
        except KvFull as error:
            self._on_full(batch, str(error))
            return True
        except DecodeFailed as error:
            self._blame(batch, str(error))
            return True
        n_tokens, seconds = sum(planned.n for planned in batch), self._clock() - started
        self._budget.observe(0, n_tokens, seconds)
        self._slots.stats.add_embedding_step(n_tokens, seconds)
        if not all(np.isfinite(each).all() for each in vectors):
            self._blame(batch, NO_NUMBER)
            return not embedder.holds_cells
        for planned, each in zip(batch, vectors, strict=True):
            self._computed(planned, each)
        return True

    def _plan(self, n_rows: int, embedder: Embedder) -> list[Planned]:
        """What goes into the next batch, in the order of turns, and what fits beside it."""
        batch: list[Planned] = []
        passed: list[Turn] = []
        n_left = n_rows
        while self._readings and len(passed) < N_PASSED:
            turn = self._readings.pop()
            n = self._n_next(turn.reading, n_left, is_first=not batch)
            if n and self._goes_with(turn.reading, batch) and self._begin(turn.reading, embedder):
                batch.append(Planned(turn, n))
                n_left = min(n_left, embedder.n_rows_packed) - n
                if n_left <= 0 or turn.reading.is_suspect:
                    break
            else:
                passed.append(turn)
        self._readings.put_back(passed)
        if not batch and passed:  # no room for any of them: those that have it must get on
            begun = self._readings.pop_begun()
            if begun is not None:
                batch = [Planned(begun, self._n_next(begun.reading, n_rows, is_first=True))]
        return batch

    def _n_next(self, reading: Reading, n_left: int, *, is_first: bool) -> int:
        """How many of its tokens go into a batch with so many rows left; 0 = it must wait.

        Only one part of a text is computed in a batch, and only the first of a batch is cut.
        """
        if reading.n_left <= n_left:
            return reading.n_left
        if not is_first:
            return 0
        return n_left if self._info.splits_texts else reading.n_left

    @staticmethod
    def _goes_with(reading: Reading, batch: list[Planned]) -> bool:
        if not batch:
            return True
        first = batch[0].reading
        return first.task.adapters == reading.task.adapters and not reading.is_suspect

    def _begin(self, reading: Reading, embedder: Embedder) -> bool:
        """Give it a place, and cells where it needs them; False if there is no room now."""
        if reading.i_text >= 0:
            return True
        if not self._free_texts:
            return False
        if embedder.holds_cells and not self.lent.take(reading):
            return False
        reading.i_text = self._free_texts.pop()
        return True

    def _computed(self, planned: Planned, vectors: Vectors) -> None:
        reading, task = planned.reading, planned.reading.task
        reading.add(vectors, planned.n)
        self._readings.computed(planned.turn)
        if reading.n_left:
            return
        now = self._clock()
        self._slots.events.append(Embedded(task.id, reading.vectors(), len(task.prompt)))
        self._slots.stats.add_embedded(now - (task.t_submitted or now))
        self._release(reading)

    # faults

    def _on_full(self, batch: list[Planned], reason: str) -> None:
        """The memory found no cells although the mirror has some."""
        if self._memory.evict_oldest() or any(slot.is_busy for slot in self._slots):
            for planned in batch:
                self._release(planned.reading)
            self._readings.put_back(planned.turn for planned in batch)
        else:
            self._blame(batch, reason)

    def _blame(self, batch: list[Planned], reason: str) -> None:
        """One of these is to blame: each begins again alone, or fails if it was alone."""
        for planned in batch:
            self._release(planned.reading)
        if len(batch) == 1:
            self._fail(batch[0].reading, ErrorKind.SERVER, reason)
            return
        for planned in batch:
            planned.reading.is_suspect = True
        self._readings.put_back(planned.turn for planned in batch)

    def _fail(self, reading: Reading, kind: ErrorKind, message: str) -> None:
        self._slots.events.append(Failed(reading.task.id, kind, message))
        self._slots.stats.ended[End.FAILED] += 1

    def _release(self, reading: Reading) -> None:
        """Take back what it holds; what is not done begins again."""
        if reading.i_text >= 0:
            assert self._runner.embedder is not None
            self._runner.embedder.forget(reading.i_text)
            self._free_texts.append(reading.i_text)
            reading.i_text = -1
        self.lent.give_back(reading)
        reading.restart()


def too_long(n_tokens: int, info: ModelInfo) -> str:
    """Why a text can't be embedded, as the reference says it, and what to do."""
    if info.splits_texts:
        return (
            f"request ({n_tokens} tokens) exceeds the available context size ({info.n_text_max} "
            "tokens), try increasing it"
        )
    if info.n_text_max >= min(info.n_ctx, info.n_ctx_train):
        return (
            f"input ({n_tokens} tokens) is larger than the max context size ({info.n_text_max} "
            "tokens). skipping. Send a shorter text"
        )
    return (
        f"input ({n_tokens} tokens) is too large to process. increase the physical batch size "
        f"(current batch size: {info.n_text_max})"
    )
