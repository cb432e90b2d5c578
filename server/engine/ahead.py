"""Copies of what leaves the KV memory next, made while nothing runs.

A copy that is made when its cells or its id are needed delays the request that needs them and all
that run: 10 to 25 ms for a conversation of 450 tokens, eight times that when eight requests come.
Made ahead, it delays at most the request that comes in that moment. A sequence that a slot has is
not copied ahead: it is most likely to be continued where it is. It knows no requests. Engine
thread only.
"""

from __future__ import annotations

from server.engine.memory import Memory

LONGEST_S = 0.1
"""What takes longer is copied when it must be: a request that comes meanwhile would wait."""


class Ahead:
    """Takes retained sequences to the host cache one by one, and leaves them where they are."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._seen: dict[int, float] = {}
        """When what was looked at, by its sequence's number, had been used last."""

    def step(self) -> bool:
        """Copy one, least recently used first; False if none is left to copy."""
        memory, seen = self._memory, self._seen
        retained = sorted(memory.retained, key=lambda sequence: sequence.last_used)
        self._seen = {each.id: each.last_used for each in retained}
        for sequence in retained:
            if seen.get(sequence.id) == sequence.last_used:
                continue
            if memory.admission.price_s(sequence.n_tokens) > LONGEST_S:
                continue
            if memory.is_rare(sequence) and not memory.is_saved(sequence):
                self._seen = {**seen, sequence.id: sequence.last_used}
                memory.save(sequence)
                return True
        return False
