"""Attacks on who may ask: names of other hosts, pages of other origins, the time that a key takes.

Part of the list in `attacks`, held and measured in the same way.
"""

from __future__ import annotations

import http.client
import math
import random
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from tests.e2e import wire
from tests.e2e.attacks import KEY
from tests.e2e.attacks import VICTIMS_KEY
from tests.e2e.attacks import Attack
from tests.e2e.attacks import raw
from tests.e2e.attacks import status_of
from tests.e2e.live import LiveServer

EVIL = "evil.example"
ALLOWED = f"{EVIL},x"
"""Their names are answered, so that what is said back can be seen; others are not."""
REBOUND = (
    "rebound.example",
    "rebound.example:80",
    "x.rebound.example",
    "127.0.0.1.rebound.example",
)
HOSTS = (
    f"GET {{}} HTTP/1.1\r\nHost: {EVIL}\r\n",
    f"GET {{}} HTTP/1.1\r\nHost: localhost\r\nHost: {EVIL}\r\n",
    f"GET http://{EVIL}{{}} HTTP/1.1\r\nHost: localhost\r\n",
    f"GET {{}} HTTP/1.1\r\nHost: x\r\nX-Forwarded-Host: {EVIL}\r\nX-Forwarded-Proto: https\r\n",
    f"GET {{}} HTTP/1.0\r\nX-Forwarded-Host: {EVIL}\r\n",
)
PAGES = ("/health", "/v1/models", "/openapi.json", "/docs", "/no/such/page")

ORIGINS = (
    f"http://{EVIL}",
    f"http://localhost.{EVIL}",
    f"http://{EVIL}/localhost",
    f"http://{EVIL}#localhost",
    f"http://{EVIL}\\@localhost",
    f"http://localhost@{EVIL}",
    f"http://localhost:80@{EVIL}:80",
    f"http://127.0.0.1.{EVIL}",
    "http://[::1",
    "null",
    "*",
)

N_ROUNDS = 100
CLEARLY = 5.0
"""Standard deviations, by which chance does not part two groups once in a million."""


def _foreign_hosts(server: LiveServer) -> list[str]:
    """Their names must not come back: a cache or a link would carry them to others."""
    found = []
    for head in HOSTS:
        for page in PAGES:
            rest = f"X-Api-Key: {KEY}\r\nConnection: close\r\n\r\n"
            answer = raw(server, (head.format(page) + rest).encode())
            found.append("said back" if EVIL.encode() in answer else status_of(answer))
    return found


def _rebound_names(server: LiveServer) -> list[str]:
    """A page at a name that its owner let point to this machine asks as one of this machine's."""
    return [
        str(wire.request(server.url, path, headers=server.headers | {"Host": host}).status)
        for host in REBOUND
        for path in ("/", "/health", "/v1/models", "/no/such/page")
    ]


def _foreign_origins(server: LiveServer) -> list[str]:
    """A browser lets a page read what the answer allows its origin."""
    found = []
    for origin in ORIGINS:
        asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for method, path in (("OPTIONS", "/v1/chat/completions"), ("GET", "/v1/models")):
            reply = wire.request(server.url, path, method=method, headers=asks)
            is_allowed = "access-control-allow-origin" in reply.headers
            found.append("allowed" if is_allowed else str(reply.status))
    return found


def key_times(server: LiveServer) -> dict[str, list[float]]:
    """How long the answers to three wrong keys take, in seconds; their turns are shuffled."""
    keys = {
        "foreign": "x" * len(VICTIMS_KEY),
        "as foreign": "y" * len(VICTIMS_KEY),
        "nearly right": VICTIMS_KEY[:-1] + "x",
    }
    taken: dict[str, list[float]] = {name: [] for name in keys}
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    turns, dice = list(keys.items()), random.Random(1)
    for _ in range(N_ROUNDS):
        dice.shuffle(turns)
        for name, key in turns:
            begin = time.perf_counter()
            connection.request("GET", "/v1/models", headers={"X-Api-Key": key})
            answer = connection.getresponse()
            answer.read()
            taken[name].append(time.perf_counter() - begin)
            assert answer.status == 401
    connection.close()
    return taken


def parted_by(first: Sequence[float], second: Sequence[float]) -> float:
    """How clearly two groups differ, in standard deviations (Mann and Whitney's test)."""
    n, m = len(first), len(second)
    n_less = sum((a < b) + (a == b) / 2 for a in first for b in second)
    return abs(n_less - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)


def _times_of_keys(server: LiveServer) -> list[str]:
    taken = key_times(server)
    others = taken["foreign"] + taken["as foreign"]
    is_told = parted_by(taken["nearly right"], others) > CLEARLY
    return ["401"] * 3 * N_ROUNDS + ["told apart"] * is_told


GUARDS = (
    Attack(
        "foreign hosts",
        "another server's name as Host, twice, in the target, as X-Forwarded-Host; for five pages",
        _foreign_hosts,
        frozenset({"200", "400", "404"}),
    ),
    Attack(
        "rebound names",
        "four names that are none of this server's as Host, for four pages, with a right key",
        _rebound_names,
        frozenset({"403"}),
    ),
    Attack(
        "foreign origins",
        f"{len(ORIGINS)} origins that look local or are none, as preflight and as request",
        _foreign_origins,
        frozenset({"200", "401"}),
    ),
    Attack(
        "times of keys",
        f"{N_ROUNDS} times each a key that is wrong in its last character, and two in every",
        _times_of_keys,
        frozenset({"401"}),
    ),
)
