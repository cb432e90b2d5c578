"""A soak from its beginning to its verdict: warm up, look, load, look again.

Everything a server may keep (caches, pools, connections to a database) it has after the warm-up;
what it holds more at the end is a leak.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field

from bench.errors import ScenarioFailed
from bench.servers import Target
from bench.soak.client import TIMEOUT_S
from bench.soak.client import Client
from bench.soak.client import Tally
from bench.soak.clock import RunningClock
from bench.soak.moves import Moves
from bench.soak.processes import Holding
from bench.soak.processes import look
from bench.stats import percentile

N_CLIENTS = 8
WARM_UP_SHARE = 0.25
RSS_GROWTH = 0.03
RSS_GROWTH_SHORT = 0.15
LONG_S = 600.0
"""A heap takes minutes to get as large as it needs to be; before, it grows without any leak."""
SAMPLE_S = 1.0
WINDOW_SHARE = 0.2
"""Memory is compared between the first and the last part of the load."""
SPARE_THREADS = 10
"""gevent's pool for what blocks has so many in the end; it grows as more is asked at once."""
SPARE_DESCRIPTORS = 2
IDLE_TIMEOUT_S = 60.0
HEALTH_S = 0.1
N_SHOWN = 12
"""Figures of memory in the report."""
MS_PER_S = 1000.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with a server that runs."""

    seconds: float
    seed: int
    n_slots: int
    n_adapters: int


@dataclass(slots=True)
class Findings:
    """What was seen."""

    seconds: float
    tally: Tally
    before: Holding
    after: Holding
    rss_mib: list[float]
    """While the load was on, once a second."""
    health_ms: list[float] = field(default_factory=list)

    @property
    def rss_growth(self) -> float:
        """Between the medians of the first and the last part, as a share."""
        n = max(1, int(len(self.rss_mib) * WINDOW_SHARE))
        first, last = statistics.median(self.rss_mib[:n]), statistics.median(self.rss_mib[-n:])
        return last / first - 1

    @property
    def problems(self) -> list[str]:
        """Why the server has not passed; [] = it has."""
        found = list(self.tally.faults)
        if self.tally.n_faults > len(found):
            found.append(f"and {self.tally.n_faults - len(found)} more")
        if self.rss_growth > (RSS_GROWTH if self.seconds >= LONG_S else RSS_GROWTH_SHORT):
            found.append(f"memory grew by {self.rss_growth:.1%}")
        if self.after.n_descriptors > self.before.n_descriptors + SPARE_DESCRIPTORS:
            found.append(
                f"{self.before.n_descriptors} descriptors became {self.after.n_descriptors}"
            )
        if self.after.n_threads > self.before.n_threads + SPARE_THREADS:
            found.append(f"{self.before.n_threads} threads became {self.after.n_threads}")
        if self.after.pids != self.before.pids:
            found.append("a process was replaced")
        return found

    def lines(self) -> Iterator[str]:
        """All figures, for people."""
        counts = self.tally.counts
        yield f"{counts.total()} requests"
        for route in sorted({route for route, _ in counts}):
            by_status = ", ".join(
                f"{status or 'left'}: {n}"
                for (r, status), n in sorted(counts.items())
                if r == route
            )
            yield f"  {route:48} {by_status}"
        step = max(1, len(self.rss_mib) // N_SHOWN)
        over_time = " ".join(f"{rss:.0f}" for rss in self.rss_mib[::step])
        yield f"resident memory, MiB: {over_time}; growth {self.rss_growth:+.2%}"
        yield f"descriptors {self.before.n_descriptors} -> {self.after.n_descriptors}"
        yield f"threads {self.before.n_threads} -> {self.after.n_threads}"
        yield (
            f"/health p50 {percentile(self.health_ms, 50):.1f} ms, "
            f"p99 {percentile(self.health_ms, 99):.1f} ms, max {max(self.health_ms):.1f} ms"
        )


def soak(server: Target, plan: Plan, show: Callable[[str], None]) -> Findings:
    """Put the load on. ScenarioFailed if slots stay busy; show: what to tell meanwhile."""
    assert server.pid is not None
    tally, warm_s = Tally(), plan.seconds * WARM_UP_SHARE
    with _clients(server.url, plan, tally, 0):
        _sampled(server.pid, RunningClock(), warm_s, lambda s: show(f"warming up, {s:.0f} s left"))
    _wait_idle(server.url)
    before = look(server.pid)
    pings, clock = _Pings(server.url), RunningClock()
    with _clients(server.url, plan, tally, 1), pings:
        rss_mib = _sampled(
            server.pid,
            clock,
            plan.seconds - warm_s,
            lambda left_s: show(f"{tally.counts.total()} requests, {left_s:.0f} s left"),
        )
    _wait_idle(server.url)
    tally.faults += pings.failures
    tally.n_faults += len(pings.failures)
    health_ms = [
        (end - begin) * MS_PER_S for begin, end in pings.times if clock.was_running(begin, end)
    ]
    return Findings(plan.seconds, tally, before, look(server.pid), rss_mib, health_ms)


@contextmanager
def _clients(url: str, plan: Plan, tally: Tally, part: int) -> Iterator[None]:
    seeds = [plan.seed * 1000 + part * 100 + i for i in range(N_CLIENTS)]
    clients = [
        Client(url, Moves(seed, plan.n_slots, plan.n_adapters), tally, seed) for seed in seeds
    ]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        for client in clients:
            client.stop()
        for client in clients:
            client.join()


class _Pings(threading.Thread):
    """Asks /health all the time."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._over = threading.Event()
        self.times: list[tuple[float, float]] = []
        """From when to when each was under way."""
        self.failures: list[str] = []

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(HEALTH_S):
            begin = time.monotonic()
            try:
                _get(f"{self._url}/health")
            except OSError as error:
                self.failures.append(f"/health: {error}")
            self.times.append((begin, time.monotonic()))


def _sampled(
    pid: int, clock: RunningClock, seconds: float, show: Callable[[float], None]
) -> list[float]:
    """Resident memory once a second, for so long."""
    found = []
    while (left_s := seconds - clock.tick()) > 0:
        found.append(look(pid).rss_mib)
        show(left_s)
        time.sleep(min(SAMPLE_S, left_s))
    return found


def _wait_idle(url: str) -> None:
    clock = RunningClock()
    while any(slot["is_processing"] for slot in json.loads(_get(f"{url}/slots"))):
        if clock.tick() > IDLE_TIMEOUT_S:
            raise ScenarioFailed(f"slots are still busy after {IDLE_TIMEOUT_S:g} s without clients")
        time.sleep(SAMPLE_S / 10)
    time.sleep(SAMPLE_S)  # connections that were just closed are closed on the other side, too


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        return bytes(answer.read())
