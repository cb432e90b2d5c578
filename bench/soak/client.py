"""Clients that make moves until told to stop; a part of them leaves before the answer is there."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from urllib.parse import urlsplit

from bench.soak.moves import Move
from bench.soak.moves import Moves

LEAVE_SHARE = 0.2
TIMEOUT_S = 600.0
"""Longer than anybody stops a soak for, so that it goes on afterwards."""
NOT_SUPPORTED = 501
"""What a model or a server was not made for is no fault."""
MAX_FAULTS = 20


@dataclass(slots=True)
class Tally:
    """What all clients have seen. Any thread."""

    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By route and status; 0 = the client left."""
    faults: list[str] = field(default_factory=list)
    """Answers that should not have been."""
    n_faults: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, move: Move, status: int, problem: str) -> None:
        """A request is over; problem: "" = none."""
        with self._lock:
            self.counts[_shown(move), status] += 1
            if problem:
                self.n_faults += 1
                if len(self.faults) < MAX_FAULTS:
                    self.faults.append(f"{_shown(move)}: {problem}")


def _shown(move: Move) -> str:
    """The route without what is different every time."""
    parts = ["{id}" if part.startswith("resp_") else part for part in move.route.split("/")]
    return "/".join(parts)


class Client(threading.Thread):
    """One client: a new connection for each request."""

    def __init__(self, url: str, moves: Moves, tally: Tally, seed: int) -> None:
        super().__init__(daemon=True)
        self._address = (urlsplit(url).hostname or "", urlsplit(url).port or 80)
        self._moves = moves
        self._tally = tally
        self._random = random.Random(seed)
        self._over = threading.Event()

    def stop(self) -> None:
        """After the request that runs."""
        self._over.set()

    def run(self) -> None:
        """Until stopped."""
        while not self._over.is_set():
            move = self._moves.next()
            leaves = self._random.random() < LEAVE_SHARE
            try:
                received = self._exchange(move, leaves=leaves)
            except OSError as error:
                self._tally.add(move, 0, "" if leaves else f"{type(error).__name__}: {error}")
            else:
                self._judge(move, received, leaves=leaves)

    def _exchange(self, move: Move, *, leaves: bool) -> bytes:
        with socket.create_connection(self._address, TIMEOUT_S) as connection:
            connection.sendall(move.raw or _request(move))
            if leaves and self._random.random() < 0.3:
                return b""
            limit = self._random.randint(1, 4000) if leaves else 1 << 30
            received = b""
            while len(received) < limit and (piece := connection.recv(1 << 16)):
                received += piece
            if leaves:
                time.sleep(self._random.random() * 0.02)
            return received

    def _judge(self, move: Move, received: bytes, *, leaves: bool) -> None:
        head, _, body = received.partition(b"\r\n\r\n")
        words = head.split(None, 2)
        status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
        if not leaves:
            self._learn(move, status, body)
        self._tally.add(move, status, _problem(move, status, head, body, leaves=leaves))

    def _learn(self, move: Move, status: int, body: bytes) -> None:
        if move.path == "/v1/responses" and status == 200 and not move.body["stream"]:
            with suppress(ValueError):
                self._moves.response_id = json.loads(body)["id"] if move.body["store"] else ""


def _request(move: Move) -> bytes:
    body = move.body
    if body is None:
        data = b""
    elif isinstance(body, bytes):
        data = body
    else:
        data = json.dumps(body).encode()
    headers = {"Host": "soak", "Connection": "close", "Content-Type": "application/json"}
    headers |= {"Content-Length": str(len(data))} | move.headers
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{move.method} {move.path} HTTP/1.1\r\n{head}\r\n".encode() + data


def _problem(move: Move, status: int, head: bytes, body: bytes, *, leaves: bool) -> str:
    """What is wrong with an answer; "" = nothing."""
    if leaves and not status:
        return ""
    if not status:
        return "no answer"
    if status >= 500 and status != NOT_SUPPORTED:
        return f"{status} {body[:300]!r}"
    if move.is_malformed and status < 400:
        return f"{status} for what is malformed: {move.body!r:.200} {move.raw[:80]!r}"
    if b'"code":500' in body or b'"server_error"' in body:
        return f"an error in the stream: {body[-400:]!r}"
    is_stream = b"text/event-stream" in head
    if is_stream and not leaves and not body.endswith(b"0\r\n\r\n"):
        return f"a stream that has no end: {body[-200:]!r}"
    return ""
