"""Greenlets that begin one in a round of the hub, and what comes to their sockets in between."""

from __future__ import annotations

import gevent
from gevent import socket

from server.turnstile import Turnstile

N_REQUESTS = 50
SOON = 3
"""Rounds: the one that sees the socket, and one before and after it."""


def test_who_looks_is_served_between_two_who_begin() -> None:
    turnstile, begun = Turnstile(), []
    here, there = socket.socketpair()

    def request(i: int) -> None:
        turnstile.pass_through()
        begun.append(i)
        if i == 0:
            there.sendall(b"/health")

    def health() -> int:
        here.recv(16)
        return len(begun)

    looking = gevent.spawn(health)
    requests = [gevent.spawn(request, i) for i in range(N_REQUESTS)]
    gevent.joinall([looking, *requests], timeout=10, raise_error=True)
    assert looking.value <= SOON
    assert begun == list(range(N_REQUESTS))
    for end in (here, there):
        end.close()


def test_one_that_is_killed_while_it_waits_holds_up_nobody() -> None:
    turnstile, begun = Turnstile(), []

    def request(i: int) -> None:
        turnstile.pass_through()
        begun.append(i)

    requests = [gevent.spawn(request, i) for i in range(4)]
    requests[0].join()
    requests[2].kill()
    gevent.joinall(requests, timeout=10)
    assert begun == [0, 1, 3]
    assert len(turnstile) == 0


def test_one_alone_does_not_wait() -> None:
    turnstile, others = Turnstile(), list[str]()
    gevent.spawn(others.append, "ran")
    turnstile.pass_through()
    assert not others
