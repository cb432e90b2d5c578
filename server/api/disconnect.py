"""Notice that a client went away while its handler waits.

WSGI does not tell, so the socket is watched: by an io watcher of the hub under gevent, by one
daemon thread under plain threads, by asking the server under waitress. A half-closed connection
counts as gone, as in the reference (which looks once a second: who half-closes gets its whole
answers of less than that, and not ours). Bytes that arrive meanwhile (a pipelined request) are left
where they are, and from then on only the hang-up itself is looked for.
"""

from __future__ import annotations

import _socket
import contextlib
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from collections.abc import Mapping
from enum import Enum
from typing import Any
from typing import Protocol

POLLRDHUP: int = getattr(select, "POLLRDHUP", 0)
HANG_UP = select.POLLHUP | select.POLLERR | select.POLLNVAL | POLLRDHUP
POLL_INTERVAL_S = 0.25
PEEK = _socket.MSG_PEEK | _socket.MSG_DONTWAIT
READ = 1
"""libev's EV_READ."""

OnGone = Callable[[], None]


class Watch(Protocol):
    """The watch over one client. Close it when its handler is done."""

    @property
    def poll_s(self) -> float | None:
        """How often `is_gone` must be asked; None = the watch calls by itself."""
        ...

    def is_gone(self) -> bool:
        """Whether the client was found gone."""
        ...

    def close(self) -> None:
        """Stop watching. Idempotent."""
        ...


class NoWatch:
    """Nothing is known of the connection (Flask's test client, mod_wsgi)."""

    poll_s: float | None = None

    def is_gone(self) -> bool:
        """Never known."""
        return False

    def close(self) -> None:
        """Nothing to do."""


class PolledWatch(NoWatch):
    """The server itself can tell, if asked (waitress with channel_request_lookahead > 0)."""

    poll_s = POLL_INTERVAL_S

    def __init__(self, is_gone: Callable[[], object]) -> None:
        self._is_gone = is_gone

    def is_gone(self) -> bool:
        """Ask."""
        return bool(self._is_gone())


class Peer(Enum):
    """What a readable socket was found to hold."""

    SILENT = "silent"
    TALKING = "talking"
    GONE = "gone"


def look(sock: _socket.socket) -> Peer:
    """Peek at a socket below any TLS, taking nothing from it."""
    try:
        return Peer.TALKING if _socket.socket.recv(sock, 1, PEEK) else Peer.GONE
    except (BlockingIOError, InterruptedError):
        return Peer.SILENT
    except OSError:
        return Peer.GONE


class GreenWatch(NoWatch):
    """The hub watches. Hub's thread only.

    It uses the connection's own descriptor: libev keeps a duplicate registered in its epoll set
    after it was closed.
    """

    def __init__(self, sock: _socket.socket, on_gone: OnGone) -> None:
        from gevent import get_hub

        self._socket = sock
        self._on_gone = on_gone
        self._has_gone = False
        self._is_closed = False
        loop = get_hub().loop
        self._watcher = loop.io(sock.fileno(), READ)
        self._timer = loop.timer(POLL_INTERVAL_S, POLL_INTERVAL_S)
        self._watcher.start(self._on_readable)

    @property
    def is_listening(self) -> bool:
        """Whether bytes of the client wake the hub."""
        return bool(self._watcher.active)

    def is_gone(self) -> bool:
        """Whether the hub saw it."""
        return self._has_gone

    def close(self) -> None:
        """Before the connection is closed."""
        if not self._is_closed:
            self._is_closed = True
            for watcher in (self._watcher, self._timer):
                watcher.stop()
                watcher.close()

    def _on_readable(self) -> None:
        peer = look(self._socket)
        if peer is Peer.GONE:
            self._gone()
        elif peer is Peer.TALKING:
            self._watcher.stop()
            if POLLRDHUP:
                self._timer.start(self._on_timer)

    def _on_timer(self) -> None:
        if has_hung_up(self._socket.fileno()):
            self._gone()

    def _gone(self) -> None:
        self._watcher.stop()
        self._timer.stop()
        self._has_gone = True
        self._on_gone()


def has_hung_up(fd: int) -> bool:
    """Whether the peer of a connection with unread bytes is gone (Linux)."""
    from gevent.monkey import get_original

    poller = get_original("select", "poll")()
    poller.register(fd, POLLRDHUP)
    return bool(poller.poll(0))


class ThreadWatch(NoWatch):
    """The watcher thread watches a duplicate of the connection's descriptor."""

    def __init__(self, thread: WatcherThread, fd: int, on_gone: OnGone) -> None:
        self._thread = thread
        self.socket = _socket.socket(fileno=os.dup(fd))
        self.on_gone = on_gone
        self.has_gone = False
        self.is_closed = False

    def is_gone(self) -> bool:
        """Whether the thread saw it."""
        return self.has_gone

    def close(self) -> None:
        """The thread closes the duplicate."""
        if not self.is_closed:
            self.is_closed = True
            self._thread.remove(self)


class WatcherThread:
    """One daemon thread that polls the sockets of all waiting handlers; starts with the first."""

    def __init__(self) -> None:
        self._poller = select.poll()
        self._watches: dict[int, ThreadWatch] = {}
        self._changes: deque[Callable[[], None]] = deque()
        self._wake_fd, self._bell_fd = os.pipe()
        os.set_blocking(self._bell_fd, False)
        self._poller.register(self._wake_fd, select.POLLIN)
        threading.Thread(target=self._run, name="disconnect", daemon=True).start()

    @property
    def n_watched(self) -> int:
        """Sockets that are watched now."""
        return len(self._watches)

    def watch(self, fd: int, on_gone: OnGone) -> ThreadWatch:
        """Any thread: begin to watch a connection."""
        watch = ThreadWatch(self, fd, on_gone)
        self.post(lambda: self._add(watch))
        return watch

    def remove(self, watch: ThreadWatch) -> None:
        """Any thread: forget a connection."""
        self.post(lambda: self._drop(watch))

    def post(self, change: Callable[[], None]) -> None:
        """Any thread: have the thread do something, in the order of posting."""
        self._changes.append(change)
        # the pipe may be full of rings that the thread has yet to hear
        with contextlib.suppress(BlockingIOError):
            os.write(self._bell_fd, b"!")

    # the thread

    def _run(self) -> None:
        while True:
            found = dict(self._poller.poll())
            is_rung = found.pop(self._wake_fd, None) is not None
            for fd, flags in found.items():
                self._check(fd, flags)
            # last, because it closes descriptors: what was found of one must not be taken for a
            # finding about the next connection, which may get the same number at once
            if is_rung:
                self._apply_changes()

    def _apply_changes(self) -> None:
        os.read(self._wake_fd, 4096)
        while self._changes:
            self._changes.popleft()()

    def _add(self, watch: ThreadWatch) -> None:
        fd = watch.socket.fileno()
        self._watches[fd] = watch
        self._poller.register(fd, select.POLLIN | POLLRDHUP)

    def _drop(self, watch: ThreadWatch) -> None:
        fd = watch.socket.fileno()
        if self._watches.pop(fd, None) is not None:
            self._poller.unregister(fd)
        watch.socket.close()

    def _check(self, fd: int, flags: int) -> None:
        watch = self._watches[fd]
        peer = Peer.GONE if flags & HANG_UP else look(watch.socket)
        if peer is Peer.TALKING:
            self._poller.modify(fd, POLLRDHUP)
        elif peer is Peer.GONE:
            del self._watches[fd]
            self._poller.unregister(fd)
            watch.has_gone = True
            watch.on_gone()


class Watchers:
    """Chooses how to watch a request's connection. One for each app."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: WatcherThread | None = None

    def watch(self, environ: Mapping[str, Any], on_gone: OnGone) -> Watch:
        """Watch the connection of a WSGI request; on_gone is called once, from hub or thread."""
        ask = environ.get("waitress.client_disconnected")
        if ask is not None:
            return PolledWatch(ask)
        sock = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
        # gevent keeps the native socket, without TLS, under this name
        raw = getattr(sock, "_sock", sock)
        if not isinstance(raw, _socket.socket) or raw.fileno() < 0:
            return NoWatch()
        if is_green():
            return GreenWatch(raw, on_gone)
        return self._watcher_thread().watch(raw.fileno(), on_gone)

    def _watcher_thread(self) -> WatcherThread:
        with self._lock:
            if self._thread is None:
                self._thread = WatcherThread()
            return self._thread


def is_green() -> bool:
    """Whether handlers are greenlets."""
    try:
        from gevent.monkey import is_module_patched
    except ImportError:
        return False
    return bool(is_module_patched("threading"))
