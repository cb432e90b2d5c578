"""When idle sequences leave the KV memory: when keeping them has cost as much as copying them.

Every row of a batch looks at the cells of idle sequences, too. Moving them to the host costs a copy
now, and another one if they are wanted again; so what has slowed steps down for as long as that
would take is moved, and what is wanted again before that stays where it is. They leave together:
libllama puts new tokens into the first cells that are free, and holes among the cells of others
scatter a sequence over the memory, which slows attention down by more than the idle cells do. It
knows no requests. Engine thread only.
"""

from __future__ import annotations

from server.engine.memory import Memory
from server.engine.runner import ModelRunner
from server.engine.sequence import Sequence

SHARE = 0.01
"""Part of a step that looking at the runner's n_idle_cells takes."""
STEPS = 8
"""Counting idle cells takes a while: once in so many steps."""


class IdleCost:
    """What idle sequences have cost the running ones since the last of them were moved."""

    def __init__(self, runner: ModelRunner, memory: Memory) -> None:
        self._runner = runner
        self._memory = memory
        self._n_steps = 0
        self._stepped_s = 0.0
        self._debt_s = 0.0
        self._leaving: list[tuple[Sequence, float]] = []
        """The last comes first; with when it had been used last."""

    def charge(self, seconds: float) -> None:
        """A step took so long."""
        self._stepped_s += seconds
        self._n_steps += 1

    def settle(self) -> None:
        """Let what has cost enough leave, one sequence a step, so that no step waits for many.

        Not while a batch's logits are wanted.
        """
        while self._leaving:
            sequence, last_used = self._leaving.pop()
            if sequence.last_used == last_used and sequence in self._memory.idle:
                self._memory.evict(sequence)
                return
        if self._n_steps >= STEPS:
            self._look()

    def _look(self) -> None:
        memory, n_max = self._memory, self._runner.n_idle_cells
        n_idle = memory.n_idle_cells
        self._debt_s += self._stepped_s * SHARE * n_idle / max(1, n_max)
        self._n_steps, self._stepped_s = 0, 0.0
        if n_idle > n_max:
            idle = memory.idle
            if self._debt_s < self._price_s(idle):
                return
            self._leaving = [(each, each.last_used) for each in idle[::-1]]
        self._debt_s = 0.0

    def _price_s(self, idle: list[Sequence]) -> float:
        """Seconds that copying takes what of these would be copied."""
        memory, admits = self._memory, self._memory.admission.admits()
        copied = (
            each.n_tokens
            for each in idle
            if (admits or not memory.is_retained(each))
            and memory.is_rare(each)
            and not each.is_private
            and not memory.is_saved(each)
        )
        return memory.admission.price_s(sum(copied))
