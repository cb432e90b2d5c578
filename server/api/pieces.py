"""A body in pieces that each take little time to read, so that others are served in between.

A WSGI server parses chunks in Python, in one go for as much as is asked: a body of a million chunks
of a byte would stop everybody for seconds. How much to ask for is learnt from how long it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Iterator

FIRST_BYTES = 4096
MIN_BYTES = 256
MAX_BYTES = 1 << 20
SHORT_S = 0.002
LONG_S = 0.005
"""A piece is to take between these two."""


def pieces(
    read: Callable[[int], bytes],
    pause: Callable[[], None],
    n_bytes: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[bytes]:
    """Everything that there is to read, at most n_bytes. pause: lets others run."""
    size, busy_s, n_left = FIRST_BYTES, 0.0, n_bytes
    while n_left is None or n_left > 0:
        begin = clock()
        piece = read(size if n_left is None else min(size, n_left))
        took_s = clock() - begin
        if not piece:
            return
        yield piece
        n_left = None if n_left is None else n_left - len(piece)
        busy_s += took_s
        if busy_s > SHORT_S:
            pause()
            busy_s = 0.0
        if took_s > LONG_S:
            size = max(size // 2, MIN_BYTES)
        elif took_s < SHORT_S:
            size = min(size * 2, MAX_BYTES)
