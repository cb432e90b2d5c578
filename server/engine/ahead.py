"""Copies of what leaves the KV memory next, made while nothing runs.

A copy that is made when its cells or its id are needed delays the request that needs them and all
that run: 10 to 25 ms for a conversation of 450 tokens, eight times that when eight requests come.
Made ahead, it delays at most the request that comes in that moment. What no slot has any more
leaves next; what slots have as well, where there is so much that it slows down whoever runs
(`idle`), but the last one is most likely to be continued where it is. In a host cache that is full,
a copy pushes out what is nowhere else, so it has to be admitted as others have.

It knows no requests. Engine thread only.
"""

from __future__ import annotations

from server.engine.mailbox import Mailbox
from server.engine.mailbox import Message
from server.engine.memory import Memory
from server.engine.pulse import Pulse
from server.engine.runner import ModelRunner
from server.engine.sequence import Sequence

REST_S = 0.1
"""So long nobody has asked for anything: who asks one thing after the other does not wait for
copies in between."""
MOST_S = 60.0
"""What all copies may take without a message: the engine hangs if they take longer."""
LONGEST_S = 0.1
"""What takes longer is copied when it must be: a request that comes meanwhile would wait."""
FIRST_BYTES_PER_S = 1e9
"""What is expected of the first copy: memory that was never touched is slow."""


class Ahead:
    """Takes idle sequences to the host cache one by one, and leaves them where they are."""

    def __init__(self, runner: ModelRunner, memory: Memory, *, is_wanted: bool) -> None:
        self._runner = runner
        self._memory = memory
        self._is_wanted = is_wanted
        self._tried: dict[int, float] = {}
        """When what was copied, by its sequence's number, had been used last."""
        self._settled: dict[int, float] = {}
        """The same of all that might have been copied when nothing was left to copy."""

    def wait(self, mailbox: Mailbox, pulse: Pulse) -> list[Message]:
        """Sleep until there are messages; copy what is left to copy after a rest."""
        pulse.rest()
        messages = mailbox.wait(REST_S)
        if not messages:
            pulse.allow(MOST_S)
            while not messages and self.step():
                messages = mailbox.drain()
            pulse.rest()
        return messages or mailbox.wait()

    def step(self) -> bool:
        """Copy one, least recently used first; False if none is left to copy."""
        if not self._is_wanted:
            return False
        memory, leaving = self._memory, self._leaving()
        used = {each.id: each.last_used for each in leaving}
        if used == self._settled:
            return False
        for sequence in leaving:
            if self._is_due(sequence):
                self._tried[sequence.id] = sequence.last_used
                has_room = memory.host_cache.has_room(memory.host_bytes(sequence))
                memory.save(sequence, is_charged=not has_room)
                return True
        self._settled = used
        return False

    def _leaving(self) -> list[Sequence]:
        memory = self._memory
        if memory.n_idle_cells > self._runner.n_idle_cells:
            return memory.idle[:-1]
        return sorted(memory.retained, key=lambda sequence: sequence.last_used)

    def _is_due(self, sequence: Sequence) -> bool:
        memory, is_tried = self._memory, self._tried.get(sequence.id) == sequence.last_used
        if is_tried or sequence.is_private or not memory.is_rare(sequence):
            return False
        known_s = memory.admission.price_s(sequence.n_tokens)
        takes_s = known_s or memory.host_bytes(sequence) / FIRST_BYTES_PER_S
        return takes_s <= LONGEST_S and not memory.is_saved(sequence)
