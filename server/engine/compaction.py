"""Cells in the order of their tokens for a request that begins alone, so that it can be repeated.

libllama puts new tokens into the first cells that are free. Attention adds up in the order of the
cells, in groups of neighbours: where a request has other cells than the first time, it may say
something else with the same seed. So when one begins and none runs, what is idle moves to host
memory, as llama-server's does by `--cache-idle-slots`, and its prefix comes back from there into
the first cells; but only where little has to be copied for that. Engine thread only.
"""

from __future__ import annotations

import numpy as np

from server.engine.memory import Memory
from server.engine.runner import ModelRunner
from server.engine.sequence import Sequence

MOST_TOKENS = 8192
"""Of more idle tokens not even the size is asked for."""


class Compaction:
    """Moves idle sequences of one memory out of the way of who begins alone."""

    def __init__(self, runner: ModelRunner, memory: Memory, most_bytes: int) -> None:
        """most_bytes: of the states that may be moved at once; 0 = nothing ever is."""
        self.memory = memory
        can_move = runner.can_share and runner.can_cut and memory.host_cache.is_enabled
        self._most_bytes = most_bytes if can_move else 0

    def run(self, goes_on: Sequence | None) -> bool:
        """Move what is idle, but for who goes on where it is, if that is in the first cells.

        True: something moved, so that a prefix has to be looked for again.
        """
        memory = self.memory
        if not self._most_bytes or any(each.is_live for each in memory.sequences):
            return False
        idle = [each for each in memory.idle if each is not goes_on or not _is_in_order(each)]
        if not self._is_little(idle):
            return False
        for each in idle:
            memory.save(each)
        moved = [each for each in idle if each.is_private or memory.is_saved(each)]
        for each in moved:
            memory.evict(each)
        return bool(moved)

    def _is_little(self, idle: list[Sequence]) -> bool:
        kept = [each for each in idle if not each.is_private]
        if sum(each.n_tokens for each in kept) > MOST_TOKENS:
            return False
        return sum(map(self.memory.host_bytes, kept)) <= self._most_bytes


def _is_in_order(sequence: Sequence) -> bool:
    """Whether a sequence has the first cells, in the order of its tokens."""
    return np.array_equal(sequence.cells, np.arange(sequence.n_tokens))
