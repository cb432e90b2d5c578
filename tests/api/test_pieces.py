"""Bodies are read in pieces that take little time, whatever the server needs for each byte."""

from __future__ import annotations

from server.api.pieces import FIRST_BYTES
from server.api.pieces import LONG_S
from server.api.pieces import MAX_BYTES
from server.api.pieces import MIN_BYTES
from server.api.pieces import pieces


class Source:
    """n_bytes that take so many seconds each to be read."""

    def __init__(self, n_bytes: int, byte_s: float) -> None:
        self.n_left = n_bytes
        self.byte_s = byte_s
        self.now = 0.0
        self.asked: list[int] = []
        self.paused_at: list[float] = []

    def read(self, size: int) -> bytes:
        self.asked.append(size)
        n = min(size, self.n_left)
        self.n_left -= n
        self.now += n * self.byte_s
        return b"x" * n

    def pause(self) -> None:
        self.paused_at.append(self.now)

    def all(self) -> int:
        return sum(map(len, pieces(self.read, self.pause, clock=lambda: self.now)))


def test_what_comes_quickly_is_read_in_large_pieces() -> None:
    source = Source(100 << 20, 1e-10)
    assert source.all() == 100 << 20
    assert source.asked[0] == FIRST_BYTES and source.asked[-1] == MAX_BYTES
    assert len(source.asked) < 120


def test_what_comes_slowly_is_read_in_small_pieces_with_pauses() -> None:
    source = Source(200_000, 13e-6)
    assert source.all() == 200_000
    gaps = [b - a for a, b in zip(source.paused_at, source.paused_at[1:], strict=False)]
    assert max(gaps[4:]) < 2 * LONG_S
    assert min(source.asked) >= MIN_BYTES


def test_no_more_is_read_than_there_may_be() -> None:
    source = Source(10_000, 1e-10)
    assert sum(map(len, pieces(source.read, source.pause, 5000))) == 5000
    assert source.asked == [FIRST_BYTES, 5000 - FIRST_BYTES]


def test_nothing_is_nothing() -> None:
    assert Source(0, 1.0).all() == 0
