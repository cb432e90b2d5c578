"""Streams that outlive their connection: generated on, kept for a while, read again from any place.

A stream belongs to a conversation id, which only its client knows; a newer stream of the same id
takes its place. The bytes are those that the first client is sent, comments included, so that a
place is a count of bytes, and so that the id of an event is the place behind it. Everything is
bounded: docs/decisions/0006-kept-streams.md. Knows no dialect, no engine and no Flask; works under
plain threads and, patched, under gevent. Answers to llama.cpp `tools/server/server-stream.cpp`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from collections.abc import Generator
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass

from server.api import sse
from server.api.errors import InvalidRequest
from server.api.errors import Unavailable
from server.api.errors import error_body

MIB = 1 << 20
CHECKED_BYTES = 1 << 14
"""How much a stream grows between looks at the sum of all."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept. Times in seconds."""

    stream_bytes: int = 4 * MIB
    """Of one stream; then its oldest events go."""

    total_bytes: int = 64 * MIB
    """Of all; then streams that ended go, and then the oldest events of the one that grows."""

    n_streams: int = 128
    kept_s: float = 300.0
    """After its end."""

    unread_s: float = 900.0
    """How long a stream goes on that nobody reads."""

    sweep_s: float = 30.0
    """How often what is too old is looked for."""


class OffsetLost(InvalidRequest):
    """What is asked for is no longer kept."""

    def __init__(self) -> None:
        super().__init__("Stream offset lost, please restart")


class KeptStream:
    """One stream: a writer, and any number of readers."""

    def __init__(self, key: str, cancel: Callable[[], None]) -> None:
        """cancel: ends the generation, from any thread or greenlet."""
        self.key = key
        self.started_at = int(time.time())
        self.completed_at = 0
        """Unix time; 0 while it runs."""
        self.quiet_since = time.monotonic()
        """When it ended, or when its last reader left."""
        self.is_done = False
        self.n_dropped = 0
        """The bytes before the first one that is kept."""
        self._cancel = cancel
        self._data = bytearray()
        self._changed = threading.Condition()
        self._n_readers = 0

    @property
    def n_kept(self) -> int:
        """Bytes in memory."""
        return len(self._data)

    @property
    def n_total(self) -> int:
        """Bytes since the beginning, which is the place behind the last one."""
        return self.n_dropped + len(self._data)

    @property
    def is_read(self) -> bool:
        """Whether anybody reads it now."""
        return self._n_readers > 0

    def append(self, chunk: bytes) -> None:
        """The writer: whole events and comments."""
        with self._changed:
            for event in chunk.split(sse.END)[:-1]:
                self._data += _with_id(event, self.n_total)
            self._changed.notify_all()

    def drop(self, n_bytes: int) -> None:
        """Forget the oldest events, at least so many bytes of them."""
        with self._changed:
            end = self._data.find(sse.END, max(0, n_bytes - len(sse.END)))
            n = len(self._data) if end < 0 else end + len(sse.END)
            del self._data[:n]
            self.n_dropped += n

    def finish(self) -> None:
        """The writer: nothing follows. Idempotent."""
        with self._changed:
            if not self.is_done:
                self.is_done = True
                self.completed_at = int(time.time())
                self.quiet_since = time.monotonic()
            self._changed.notify_all()

    def cancel(self) -> None:
        """End the generation, and with it the answers to its readers."""
        self._cancel()
        self.finish()

    def wake(self) -> None:
        """Have waiting readers look whether their client is gone."""
        with self._changed:
            self._changed.notify_all()

    def read(
        self, place: int, is_gone: Callable[[], bool], poll_s: float | None
    ) -> Generator[bytes, None, None]:
        """Everything from a place on, as it comes. is_gone is asked on `wake` and every poll_s.

        A reader that is too slow to be served whole gets an error event at last.
        """
        self._count_reader(1)
        try:
            while True:
                chunk = self._next(place, is_gone, poll_s)
                if not chunk:
                    return
                place += len(chunk)
                yield chunk
        except OffsetLost as error:
            yield sse.event_of(error_body(error))
        finally:
            self._count_reader(-1)

    def _count_reader(self, n: int) -> None:
        with self._changed:
            self._n_readers += n
            if not self.is_done:
                self.quiet_since = time.monotonic()

    def _next(self, place: int, is_gone: Callable[[], bool], poll_s: float | None) -> bytes:
        """What there is from a place on, at least a byte; nothing at the end. OffsetLost."""
        with self._changed:
            while place >= self.n_total and not self.is_done and not is_gone():
                self._changed.wait(poll_s)
            if is_gone():
                return b""
            if place < self.n_dropped:
                raise OffsetLost
            return bytes(self._data[place - self.n_dropped :])


def _with_id(event: bytes, place: int) -> bytes:
    """An event with the place behind it as its id; a comment as it is."""
    if event.startswith(b":"):
        return event + sse.END
    length = len(event) + len(b"id: \n" + sse.END)
    n_digits = len(str(place + length))
    n_digits = len(str(place + length + n_digits))
    return b"id: %d\n%s%s" % (place + length + n_digits, event, sse.END)


def _names(key: str) -> Iterator[str]:
    """A key, and what stands before each `::` in it."""
    parts = key.split("::")
    return ("::".join(parts[:n]) for n in range(len(parts), 0, -1))


class KeptStreams:
    """All streams that are kept, by their ids. Any thread or greenlet."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._lock = threading.Lock()
        self._streams: dict[str, KeptStream] = {}
        self._sweeper: threading.Thread | None = None

    def start(self, key: str, chunks: Iterable[bytes], cancel: Callable[[], None]) -> KeptStream:
        """Keep what chunks brings, worked by a thread (or greenlet) of its own. Unavailable."""
        stream = KeptStream(key, cancel)
        with self._lock:
            previous = self._streams.pop(key, None)
            self._make_place()
            self._streams[key] = stream
            if self._sweeper is None:
                self._sweeper = threading.Thread(target=self._sweep_on, name="sweep", daemon=True)
                self._sweeper.start()
        if previous is not None:
            previous.cancel()
        work = threading.Thread(target=self._work, args=(stream, chunks), name="keep", daemon=True)
        work.start()
        return stream

    def get(self, key: str) -> KeptStream | None:
        """The stream of a conversation, if it is kept."""
        return self._streams.get(key)

    def matching(self, keys: Iterable[str]) -> list[KeptStream]:
        """The streams of these conversations, whichever model they are of (`key::model`)."""
        with self._lock:
            streams = list(self._streams.values())
        found: dict[str, list[KeptStream]] = {}
        for stream in streams:
            for key in _names(stream.key):
                found.setdefault(key, []).append(stream)
        return [stream for key in dict.fromkeys(keys) for stream in found.get(key, ())]

    def discard(self, key: str) -> None:
        """Cancel and forget, if there is one."""
        with self._lock:
            stream = self._streams.pop(key, None)
        if stream is not None:
            stream.cancel()

    def sweep(self, now: float) -> None:
        """Forget what ended long ago; cancel what nobody has read for long. now: monotonic."""
        with self._lock:
            for stream in list(self._streams.values()):
                quiet_s = now - stream.quiet_since
                if stream.is_done and quiet_s >= self.limits.kept_s:
                    del self._streams[stream.key]
                elif not stream.is_done and not stream.is_read and quiet_s >= self.limits.unread_s:
                    stream.cancel()

    def _make_place(self) -> None:
        """With the lock held. Unavailable if everything that is kept still runs."""
        if len(self._streams) < self.limits.n_streams:
            return
        if not self._forget_oldest():
            raise Unavailable(
                f"{self.limits.n_streams} streams with a conversation id are running; read them to "
                "the end, or end some with DELETE /v1/stream?conv_id=..."
            )

    def _forget_oldest(self) -> bool:
        """With the lock held: forget the stream that ended first. Whether there was one."""
        ended = [stream for stream in self._streams.values() if stream.is_done]
        if not ended:
            return False
        del self._streams[min(ended, key=lambda stream: stream.quiet_since).key]
        return True

    def _work(self, stream: KeptStream, chunks: Iterable[bytes]) -> None:
        n_checked = 0
        try:
            for chunk in chunks:
                stream.append(chunk)
                if stream.n_kept > self.limits.stream_bytes:
                    stream.drop(stream.n_kept - self.limits.stream_bytes)
                if stream.n_total >= n_checked + CHECKED_BYTES:
                    n_checked = stream.n_total
                    self._bound_total(stream)
        finally:
            stream.cancel()

    def _bound_total(self, stream: KeptStream) -> None:
        """After a stream grew."""
        with self._lock:
            while (excess := self._n_kept() - self.limits.total_bytes) > 0:
                if not self._forget_oldest():
                    stream.drop(min(excess, stream.n_kept))
                    return

    def _n_kept(self) -> int:
        return sum(stream.n_kept for stream in self._streams.values())

    def _sweep_on(self) -> None:
        """The sweeper: until nothing is kept."""
        while True:
            time.sleep(self.limits.sweep_s)
            self.sweep(time.monotonic())
            with self._lock:
                if not self._streams:
                    self._sweeper = None
                    return
