"""Opens the sockets that the options name, so that an address that can't be had is one sentence.

The sockets are bound and listening before anything else starts; gunicorn gets their descriptors.
It knows addresses only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from pathlib import Path

from server.errors import ListenError
from server.options.settings import HttpSettings

BACKLOG = 4096
"""Connections that wait in the kernel, for instance while a worker is being replaced."""


def open_sockets(http: HttpSettings) -> list[socket.socket]:
    """One listening socket for each --host; ListenError says which address is at fault."""
    n_tcp = sum(not is_path(host) for host in http.host)
    if http.port == 0 and n_tcp > 1:
        raise ListenError("--port 0: works with one address only; choose a port")
    sockets: list[socket.socket] = []
    try:
        for host in http.host:
            if is_path(host):
                sockets.append(_unix_socket(host))
            else:
                sockets.append(_tcp_socket(host, http, is_alone=n_tcp == 1))
    except ListenError:
        for opened in sockets:
            opened.close()
        raise
    return sockets


def url_of(address: object, is_tls: bool = False) -> str:
    """The URL of what getsockname() returns."""
    if isinstance(address, tuple):
        host, port = str(address[0]), address[1]
        scheme = "https" if is_tls else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
    return f"unix:{address if isinstance(address, str) else os.fsdecode(bytes(address))}"  # type: ignore[call-overload]


def is_path(host: str) -> bool:
    """Whether a --host is the path of a UNIX socket."""
    return host.endswith(".sock")


def _tcp_socket(host: str, http: HttpSettings, *, is_alone: bool) -> socket.socket:
    family, address = _resolved(host, http.port)
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if http.reuse_port:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # Beside another address, [::] must not claim 0.0.0.0 as well.
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not is_alone))
        opened.bind(address)
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        raise ListenError(_tcp_problem(error, host, http.port)) from None
    return opened


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, tuple[object, ...]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ListenError(f"--host: no address is known for {host!r}: {error.strerror}") from None
    # A name such as localhost may have both; IPv4 is what clients try first.
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    family, _, _, _, address = found[0]
    return family, address


def _tcp_problem(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"--port: {host}:{port} is in use by another program; choose another port, or stop it"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host: this machine has no address {host}; 0.0.0.0 stands for all it has"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"--port: not allowed to listen on port {port}; choose one from 1024 up"
    return f"--host: can't listen on {host}:{port}: {error.strerror}"


def _unix_socket(path: str) -> socket.socket:
    _remove_stale(path)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.bind(path)
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        raise ListenError(f"--host: can't listen on {path}: {error.strerror or error}") from None
    return opened


def _remove_stale(path: str) -> None:
    """Remove a socket that nobody listens on any more; refuse anything else."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenError(f"--host: {path} exists and is not a socket; choose another path")
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        if probe.connect_ex(path) == 0:
            raise ListenError(f"--host: {path} is in use by another program; choose another path")
    Path(path).unlink()
