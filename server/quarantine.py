"""Prompts that were being computed when a worker died: which to compute no more.

The parent writes down what ran, in memory that workers share, so that it outlives them. A prompt
that ran in two deaths is refused; one that a worker has computed to its end meanwhile is cleared,
so that who merely stood beside the culprit is not refused with it. It holds digests, never texts.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from server.engine.task import Tokens

MAX_DEATHS = 2
"""So many deaths of a worker a prompt may be present at."""

N_PROMPTS = 256
"""So many suspects are remembered; a new one takes the place of the oldest."""

DIGEST_BYTES = 16
_ENTRY_BYTES = DIGEST_BYTES + 1


def fingerprint(prompt: Tokens) -> bytes:
    """What a prompt is known by."""
    return blake2b(prompt.tobytes(), digest_size=DIGEST_BYTES).digest()


class _Entry(NamedTuple):
    start: int
    n_deaths: int


class Quarantine:
    """Make it before the fork. The parent writes only while there is no worker."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, N_PROMPTS * _ENTRY_BYTES)
        self._next = 0

    def blame(self, digests: Iterable[bytes]) -> None:
        """In the parent: a worker has died, and these ran."""
        for digest in set(digests):
            entry = self._find(digest)
            if entry is None:
                self._write(self._next * _ENTRY_BYTES, digest, 1)
                self._next = (self._next + 1) % N_PROMPTS
            else:
                self._write(entry.start, digest, min(entry.n_deaths + 1, MAX_DEATHS))

    def clear(self, digest: bytes) -> None:
        """In the worker: this one was computed to its end."""
        entry = self._find(digest)
        if entry is not None:
            self._memory[entry.start + DIGEST_BYTES] = 0

    def refuses(self, prompt: Tokens) -> bool:
        """In the worker: whether a prompt is not to be computed."""
        if not self:
            return False
        entry = self._find(fingerprint(prompt))
        return entry is not None and entry.n_deaths >= MAX_DEATHS

    def __bool__(self) -> bool:
        """Whether there is any suspect."""
        return any(self._memory[DIGEST_BYTES::_ENTRY_BYTES])

    def _find(self, digest: bytes) -> _Entry | None:
        for start in range(0, N_PROMPTS * _ENTRY_BYTES, _ENTRY_BYTES):
            n_deaths = self._memory[start + DIGEST_BYTES]
            if n_deaths and self._memory[start : start + DIGEST_BYTES] == digest:
                return _Entry(start, n_deaths)
        return None

    def _write(self, start: int, digest: bytes, n_deaths: int) -> None:
        self._memory[start : start + _ENTRY_BYTES] = digest + bytes([n_deaths])
