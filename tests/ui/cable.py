"""A cable between the browser and a server, that can be cut while words go through it.

Chromium's own offline mode leaves alone what is being streamed. Here every connection breaks, and
new ones do, until the cable is mended. Knows bytes only.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from urllib.parse import urlsplit

CHUNK_BYTES = 65536


class Cable(socketserver.ThreadingTCPServer):
    """Listens on a free port of the loopback interface, and leads to the server at `url`."""

    daemon_threads = True

    def __init__(self, url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        place = urlsplit(url)
        self.far_end = (str(place.hostname), int(place.port or 80))
        self.is_cut = False
        self.posts_pass = threading.Event()
        """Cleared, it holds back what is posted, and lets all else by."""
        self.posts_pass.set()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Its near end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def cut(self) -> None:
        """Break all connections."""
        with self._lock:
            self.is_cut = True
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let connections through again."""
        self.is_cut = False
        self.posts_pass = threading.Event()
        """Cleared, it holds back what is posted, and lets all else by."""
        self.posts_pass.set()

    @contextmanager
    def carrying(self, *ends: socket.socket) -> Iterator[bool]:
        """These sockets are broken by a cut. False: it is cut already."""
        with self._lock:
            self._open.update(ends)
            is_whole = not self.is_cut
        try:
            yield is_whole
        finally:
            with self._lock:
                self._open.difference_update(ends)


class _Connection(socketserver.BaseRequestHandler):
    server: Cable

    def handle(self) -> None:
        near = self.request
        with (
            socket.create_connection(self.server.far_end) as far,
            self.server.carrying(near, far) as is_whole,
        ):
            if not is_whole:
                return
            back = threading.Thread(target=_pump, args=(far, near))
            back.start()
            _pump(near, far, self.server.posts_pass)
            back.join()


def _pump(
    source: socket.socket, target: socket.socket, posts_pass: threading.Event | None = None
) -> None:
    """Carry bytes until an end is closed, and say so to the other."""
    with suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            if posts_pass and chunk.startswith(b"POST"):
                posts_pass.wait()
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def laid_to(url: str) -> Iterator[Cable]:
    """A cable to a server."""
    with Cable(url) as cable:
        thread = threading.Thread(target=cable.serve_forever, daemon=True)
        thread.start()
        yield cable
        cable.posts_pass.set()
        cable.cut()
        cable.shutdown()
