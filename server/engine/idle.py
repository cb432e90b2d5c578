"""When idle sequences leave the KV memory for the host: when keeping them has cost as much.

Every row of a batch looks at the cells of idle sequences, too. Moving them costs a copy now, and
another one if they are wanted again; so what has slowed steps down for as long as the move would
take is moved, and what is wanted again before that stays where it is. It knows no requests.
Engine thread only.
"""

from __future__ import annotations

from collections.abc import Callable

from server.engine.memory import Memory
from server.engine.runner import ModelRunner
from server.engine.sequence import Sequence

SHARE = 0.01
"""Part of a step that looking at the runner's n_idle_cells takes."""
STEPS = 8
"""Counting idle cells takes a while: once in so many steps."""
BYTE_S = 1e-9
"""Seconds that moving a byte takes, until it was measured."""
WEIGHT = 0.25
"""How much a new measurement counts against the average."""


class IdleCost:
    """What idle sequences have cost the running ones since the last of them were moved."""

    def __init__(self, runner: ModelRunner, memory: Memory, clock: Callable[[], float]) -> None:
        self._runner = runner
        self._memory = memory
        self._clock = clock
        self._n_steps = 0
        self._stepped_s = 0.0
        self._debt_s = 0.0
        self._byte_s = BYTE_S

    def charge(self, seconds: float) -> None:
        """A step took so long."""
        self._stepped_s += seconds
        self._n_steps += 1

    def settle(self) -> None:
        """After some steps, move what has cost enough. Not while a batch's logits are wanted."""
        if self._n_steps < STEPS:
            return
        memory, n_max = self._memory, self._runner.n_idle_cells
        self._debt_s += self._stepped_s * SHARE * memory.n_idle_cells / max(1, n_max)
        self._n_steps, self._stepped_s = 0, 0.0
        while memory.n_idle_cells > n_max and (idle := memory.idle):
            price_s = self._runner.state_bytes(idle[0].id) * self._byte_s
            if self._debt_s < price_s:
                return
            self._debt_s -= price_s
            self._move(idle[0])
        self._debt_s = 0.0

    def _move(self, sequence: Sequence) -> None:
        n_bytes, started = self._runner.state_bytes(sequence.id), self._clock()
        self._memory.evict(sequence)
        byte_s = (self._clock() - started) / max(1, n_bytes)
        self._byte_s += WEIGHT * (byte_s - self._byte_s)
