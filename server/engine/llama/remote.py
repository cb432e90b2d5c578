"""Other machines' devices: ggml's RPC servers, reached before libllama needs them.

libllama would abort the process where nobody answers. Answers to add_rpc_devices in llama.cpp
`common/arg.cpp`.
"""

from __future__ import annotations

import _socket
import logging
from collections.abc import Callable

from llama_ctypes import device
from llama_ctypes import log
from llama_ctypes.errors import LlamaError
from server.engine.errors import LoadFailed
from server.engine.llama.config import Placement
from server.engine.native import sleep

TIMEOUT_S = 5.0
RETRY_S = 1.0


def add(endpoint: str) -> None:
    """Use the devices of a server. LoadFailed."""
    host, port = _address(endpoint)
    failure = _reach(host, port)
    if failure is not None:
        raise LoadFailed(f"--rpc: no server answers at {endpoint}: {failure}")
    try:
        device.add_remote(endpoint)
    except LlamaError as error:
        raise LoadFailed(f"--rpc: {error}") from None


def await_all(placement: Placement, on_progress: Callable[[float], bool]) -> None:
    """Wait until every server answers, if placement says so. LoadFailed: told to stop."""
    if not placement.waits_for_servers:
        return
    for endpoint in placement.rpc_servers:
        address, was_said = _address(endpoint), False
        while (failure := _reach(*address)) is not None:
            if not was_said:
                was_said = True
                log.write(logging.WARNING, f"--rpc: waiting for {endpoint}: {failure}")
            if not on_progress(0.0):
                raise LoadFailed(f"--rpc: no server answers at {endpoint}: {failure}")
            sleep(RETRY_S)


def _address(endpoint: str) -> tuple[str, int]:
    host, colon, port = endpoint.partition(":")
    if not (host and colon and port.isdecimal() and int(port) < 1 << 16):
        raise LoadFailed(f"--rpc: expected host:port, got {endpoint!r}")
    return host, int(port)


def _reach(host: str, port: int) -> OSError | None:
    """Why nobody answers; None: somebody does.

    By `_socket`, because gevent replaces `socket`, and this is the engine thread.
    """
    probe = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    try:
        probe.settimeout(TIMEOUT_S)
        probe.connect((host, port))
    except OSError as error:
        return error
    finally:
        probe.close()
    return None
