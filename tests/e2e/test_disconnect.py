"""Fifty clients that vanish at once, in each of four ways, from a real server."""

from __future__ import annotations

import socket
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import ExitStack
from contextlib import contextmanager

import pytest

from tests.e2e import wire
from tests.e2e.conftest import N_SLOTS
from tests.e2e.live import LiveServer
from tests.e2e.processes import resident_mib

pytestmark = pytest.mark.model

N_CLIENTS = N_SLOTS

IDLE_WITHIN_S = 10.0
"""Generous: where nobody watches the clients, what they asked for takes minutes."""

TOLERANCE_MIB = 12.0
"""Half of what the requests of one wave hold; the allocator's own noise was seen to be 3."""

N_WAVES = 2
"""Fifty clients leave in each way so often after the warm-up."""

N_SURE = 150
"""Characters that do not depend on rounding."""

LONG_PROMPT = "hello world " * 4000

Clients = list[socket.socket]


def connect(server: LiveServer, stack: ExitStack, n: int, **body: object) -> Clients:
    """n clients that have sent a request that never ends by itself."""
    endless = {"prompt": "Once", "n_predict": -1, "ignore_eos": True} | body
    return [
        stack.enter_context(wire.open_socket(server.url, "/completion", endless)) for _ in range(n)
    ]


@contextmanager
def streaming(server: LiveServer) -> Iterator[Clients]:
    """Everybody has received the first token."""
    with ExitStack() as stack:
        clients = connect(server, stack, N_CLIENTS, stream=True)
        for client in clients:
            wire.read_until(client, b'"content"')
        yield clients


@contextmanager
def awaiting_whole_answers(server: LiveServer) -> Iterator[Clients]:
    """Every slot generates; nobody has received a byte."""
    with ExitStack() as stack:
        clients = connect(server, stack, N_CLIENTS)
        server.wait_busy(N_CLIENTS)
        yield clients


@contextmanager
def queued(server: LiveServer) -> Iterator[Clients]:
    """Every slot is taken by others, who leave last; the clients have their headers."""
    with streaming(server), ExitStack() as stack:
        clients = connect(server, stack, N_CLIENTS, prompt=LONG_PROMPT, stream=True)
        for client in clients:
            wire.read_until(client, b"\r\n\r\n")
        yield clients


@contextmanager
def prefilling(server: LiveServer) -> Iterator[Clients]:
    """Every slot has a prompt that is far from being processed."""
    with ExitStack() as stack:
        clients = connect(server, stack, N_CLIENTS, prompt=LONG_PROMPT)
        server.wait_busy(N_CLIENTS)
        assert {slot["next_token"][0]["n_decoded"] for slot in server.slots()} == {0}
        yield clients


WAYS = [streaming, awaiting_whole_answers, queued, prefilling]
Way = Callable[[LiveServer], Iterator[Clients]]


def vanish(clients: Clients) -> None:
    for client in clients:
        client.close()


def is_alive(server: LiveServer) -> bool:
    reply = server.post("/completion", {"prompt": "Once", "n_predict": 2})
    return reply.status == 200 and reply.json["tokens_predicted"] == 2


def test_those_who_stay_are_not_disturbed(tiny: LiveServer) -> None:
    body = {"prompt": "Once", "n_predict": 400, "temperature": 0, "ignore_eos": True}
    alone = tiny.post("/completion", body).json["content"]
    with (
        ExitStack() as stack,
        wire.stream(tiny.url, "/completion", body | {"stream": True}) as mine,
    ):
        clients = connect(tiny, stack, N_CLIENTS - 1, stream=True)
        for client in clients:
            wire.read_until(client, b'"content"')
        vanish(clients)
        text = "".join(event["content"] for event in mine.events())
    # other company, other rounding: late in its text a random model meets a tie
    assert text[:N_SURE] == alone[:N_SURE]
    assert len(text) > 2 * N_SURE


def test_slots_are_free_and_memory_is_back_after_fifty_clients_vanish(tiny: LiveServer) -> None:
    def resident_after(way: Way) -> float:
        with way(tiny) as clients:  # type: ignore[attr-defined]
            vanish(clients)
        tiny.wait_idle(IDLE_WITHIN_S)
        assert is_alive(tiny)
        return resident_mib(tiny.pid)

    # the first time each way warms up: pages of buffers that are reserved at the start stay
    before = max([resident_after(way) for way in WAYS])
    for n in range(N_WAVES):
        for way in WAYS:
            assert resident_after(way) - before < TOLERANCE_MIB, (way.__name__, n)
