"""How a sequence is cut where its memory allows it only at its end or at a checkpoint.

What can be had of a sequence is all of it, what the runner can still cut, or what a checkpoint
holds. It changes the runner's memory and no mirror of it; that is `memory`. Engine thread only.
"""

from __future__ import annotations

from collections.abc import Sequence as Seq

import numpy as np

from server.engine.checkpoints import Checkpoint
from server.engine.checkpoints import latest
from server.engine.checkpoints import n_bytes
from server.engine.checkpoints import thinned
from server.engine.runner import ModelRunner
from server.engine.sequence import Sequence

NOTHING = Checkpoint(0, np.empty(0, np.uint8))
"""Of no tokens: what is left of a sequence that can't be cut."""


class Rewinder:
    """Cuts the sequences of one runner, and takes their checkpoints.

    limit: checkpoints of one sequence; limit_bytes: of all together, None or 0 = no limit.
    """

    def __init__(self, runner: ModelRunner, limit: int, limit_bytes: int | None) -> None:
        self._runner = runner
        self._limit = limit
        self._limit_bytes = limit_bytes

    def usable(self, sequence: Sequence, n_tokens: int, *, is_copied: bool) -> int:
        """How many tokens can be had when at most n_tokens, its leading ones, are wanted.

        is_copied: for another sequence, while this one stays.
        """
        checkpoint = self.needed(sequence, n_tokens, is_copied=is_copied)
        return n_tokens if checkpoint is None else checkpoint.n_tokens

    def needed(
        self, sequence: Sequence, n_tokens: int, *, is_copied: bool = False
    ) -> Checkpoint | None:
        """The checkpoint without which n_tokens can't be had; NOTHING if there is none either."""
        runner = self._runner
        if runner.can_cut or n_tokens in (0, sequence.n_tokens):
            return None
        if not is_copied and n_tokens >= runner.cut_floor(sequence.id):
            return None
        return latest(sequence.checkpoints, n_tokens) or NOTHING

    def cut(self, seq_id: int, n_tokens: int, checkpoint: Checkpoint | None) -> bool:
        """Keep the first n_tokens, by the checkpoint that is needed. False: nothing is left."""
        if checkpoint is None:
            return self._runner.cut(seq_id, n_tokens)
        if checkpoint.n_tokens == n_tokens:
            return self._runner.rewind(seq_id, n_tokens, checkpoint.state)
        self._runner.cut(seq_id, 0)
        return False

    def take(self, sequence: Sequence, sequences: Seq[Sequence]) -> None:
        """Keep a checkpoint of a sequence as it is now; older ones of any sequence make room."""
        n = sequence.n_tokens
        if any(checkpoint.n_tokens == n for checkpoint in sequence.checkpoints):
            return
        state = self._runner.checkpoint(sequence.id)
        if state is None:
            return
        sequence.checkpoints = thinned((*sequence.checkpoints, Checkpoint(n, state)), self._limit)
        while self._limit_bytes and n_bytes([s.checkpoints for s in sequences]) > self._limit_bytes:
            holders = [sequence for sequence in sequences if sequence.checkpoints]
            oldest = min(holders, key=lambda sequence: (sequence.is_live, sequence.last_used))
            oldest.checkpoints = oldest.checkpoints[1:]
