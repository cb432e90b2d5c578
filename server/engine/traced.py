"""An engine that writes down where the time of each step goes: `--step-trace`.

Every moment of a step belongs to one part: that of the innermost method that has one, else OTHER;
so the parts add up to the step. What a part waited, for the interpreter's lock or for a processor,
is its time without that of the thread's clock. The plain engine knows nothing of this and pays
nothing for it. `llamactl bench profile` reads the file.
"""

from __future__ import annotations

import time
from enum import IntEnum
from pathlib import Path
from typing import TextIO

from server.engine.config import EngineConfig
from server.engine.engine import Engine
from server.engine.errors import LoadFailed
from server.engine.mailbox import Mailbox
from server.engine.mailbox import Message
from server.engine.runner import ModelRunner
from server.engine.scheduler import BatchPlan
from server.engine.slot import Slot


class Part(IntEnum):
    """What a step does, in its order."""

    MESSAGES = 0  # what came from clients
    ADMIT = 1  # tasks that get a slot
    BIND = 2  # sequences that get their cells; room that is made
    PLAN = 3
    BUILD = 4  # the batch
    DECODE = 5  # libllama, and winning the interpreter's lock back
    SETTLE = 6  # sequences that have grown; statistics
    SAMPLE = 7
    EMBED = 8
    PUBLISH = 9
    OTHER = 10


_FIELDS = ",".join(f'"{part.name.lower()}_us":%.1f' for part in Part)
LINE = (
    '{"at_us":%d,"streams":%d,"prompts":%d,"prompt_rows":%d,"rows":%d,"total_us":%.1f,'
    f'{_FIELDS},"waits_us":%.1f,"decode_waits_us":%.1f}}\n'
)
"""One step. waits_us: of all parts but DECODE, whose own are threads of ggml at work, too."""


def open_trace(path: str) -> TextIO:
    """The file of --step-trace, emptied. LoadFailed."""
    try:
        return Path(path).open("w", encoding="ascii", buffering=1 << 16)
    except OSError as error:
        raise LoadFailed(f"--step-trace {path}: {error.strerror}") from error


class Times:
    """The parts of one step; a switch ends what was and begins what is."""

    __slots__ = ("_cpu_ns", "_part", "_wall_ns", "began_ns", "cpu_ns", "wall_ns")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """A step begins, in OTHER."""
        self.wall_ns = [0] * len(Part)
        self.cpu_ns = [0] * len(Part)
        self._part = Part.OTHER
        self.began_ns = self._wall_ns = time.perf_counter_ns()
        self._cpu_ns = time.thread_time_ns()

    def switch(self, part: Part) -> Part:
        """From now on it is that part; returns which it was."""
        wall_ns, cpu_ns, before = time.perf_counter_ns(), time.thread_time_ns(), self._part
        self.wall_ns[before] += wall_ns - self._wall_ns
        self.cpu_ns[before] += cpu_ns - self._cpu_ns
        self._wall_ns, self._cpu_ns, self._part = wall_ns, cpu_ns, part
        return before


class TracedEngine(Engine):
    """The engine, with a line in `out` for every step that has rows or texts."""

    def __init__(
        self, runner: ModelRunner, mailbox: Mailbox, config: EngineConfig, *, out: TextIO
    ) -> None:
        self._times = Times()
        self._out = out
        self._sizes = (0, 0, 0, 0)
        super().__init__(runner, mailbox, config)

    def tick(self) -> None:
        """One step, and its line."""
        embeds = bool(self.embeddings)
        self._times.begin()
        super().tick()
        self._times.switch(Part.OTHER)
        if any(self._sizes) or embeds:
            self._out.write(self._line())
            self._sizes = (0, 0, 0, 0)
        if self.is_idle:
            self._out.flush()

    def close(self) -> None:
        """Close the file too."""
        super().close()
        self._out.close()

    def _line(self) -> str:
        times = self._times
        wall_us = [each / 1e3 for each in times.wall_ns]
        waits_us = [max(0.0, a - b / 1e3) for a, b in zip(wall_us, times.cpu_ns, strict=True)]
        decode_waits_us = waits_us[Part.DECODE]
        return LINE % (
            times.began_ns // 1000,
            *self._sizes,
            sum(wall_us),
            *wall_us,
            sum(waits_us) - decode_waits_us,
            decode_waits_us,
        )

    # parts

    def _handle(self, messages: list[Message]) -> None:
        before = self._times.switch(Part.MESSAGES)
        super()._handle(messages)
        self._times.switch(before)

    def _admit(self) -> None:
        before = self._times.switch(Part.ADMIT)
        super()._admit()
        self._times.switch(before)

    def _step(self) -> None:
        before = self._times.switch(Part.BIND)
        super()._step()
        self._times.switch(before)

    def _plan(self) -> BatchPlan:
        before = self._times.switch(Part.PLAN)
        plan = super()._plan()
        self._times.switch(before)
        return plan

    def _compute(self, plan: BatchPlan) -> list[Slot]:
        before = self._times.switch(Part.SAMPLE)
        try:  # a batch that does not fit is planned again
            return super()._compute(plan)
        finally:
            self._times.switch(before)

    def _decode(self, plan: BatchPlan) -> None:
        self._sizes = (len(plan.decoding), len(plan.chunks), plan.n_prefill, plan.n_rows)
        before = self._times.switch(Part.DECODE)
        try:
            super()._decode(plan)
        finally:
            self._times.switch(before)

    def _build(self, plan: BatchPlan) -> None:
        before = self._times.switch(Part.BUILD)
        super()._build(plan)
        self._times.switch(before)

    def _decoded(self, plan: BatchPlan, started: float, now: float) -> None:
        before = self._times.switch(Part.SETTLE)
        super()._decoded(plan, started, now)
        self._times.switch(before)

    def _embed(self) -> None:
        before = self._times.switch(Part.EMBED)
        super()._embed()
        self._times.switch(before)

    def _publish(self) -> None:
        before = self._times.switch(Part.PUBLISH)
        super()._publish()
        self._times.switch(before)
