"""Who may begin: the bounded queue, and the limits of API keys.

Asked before a request's body is read, so that refusing costs next to nothing. A request that may
begin holds a `Ticket` until its last task has ended. How long a refused client should wait comes
from how fast requests have ended lately. It knows no dialect and no body.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from flask import g
from flask import has_app_context

from server.api.auth import Client
from server.api.errors import Forbidden
from server.api.errors import Overloaded
from server.api.errors import RateLimited
from server.api.meter import seconds
from server.engine.task import Task

N_ENDS = 256
"""The rate is measured over so many requests that ended last ..."""

RECENT_S = 60.0
"""... and not longer ago than this."""

UNKNOWN_WAIT_S = 5.0
"""The wait before any request has ended."""

MAX_WAIT_S = 300.0


class DrainRate:
    """How fast requests end."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ends: deque[float] = deque(maxlen=N_ENDS)

    def add(self) -> None:
        """A request has ended."""
        self._ends.append(self._clock())

    def wait_s(self, n: int) -> float:
        """About how long it takes until n more have ended."""
        now = self._clock()
        while self._ends and now - self._ends[0] > RECENT_S:
            self._ends.popleft()
        if not self._ends:
            return UNKNOWN_WAIT_S
        rate = len(self._ends) / max(now - self._ends[0], 1e-3)
        return min(n / rate, MAX_WAIT_S)


class Ticket:
    """The right to run, until it is given back."""

    def __init__(self, admission: Admission, client: Client) -> None:
        self._admission = admission
        self.client = client
        self.n_tokens = 0
        """What its tasks have taken so far."""
        self._is_open = True

    def close(self) -> None:
        """Nothing of the request runs any more. Idempotent."""
        if self._is_open:
            self._is_open = False
            self._admission.leave(self)


class Admission:
    """Counts the requests that run or wait. Any thread."""

    def __init__(
        self,
        n_slots: int,
        queue_max: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._n_slots = n_slots
        self._queue_max = queue_max
        self._lock = threading.Lock()
        self._n_open = 0
        self._drain = DrainRate(clock)
        self.n_refused = 0

    @property
    def n_waiting(self) -> int:
        """Requests that have no slot, if each needs one."""
        return max(self._n_open - self._n_slots, 0)

    def enter(self, client: Client) -> Ticket:
        """Let a request begin. Overloaded, RateLimited."""
        with self._lock:
            if 0 <= self._queue_max < self._n_open + 1 - self._n_slots:
                self.n_refused += 1
                wait_s = self._drain.wait_s(self.n_waiting + 1)
                raise Overloaded(
                    f"{self.n_waiting} requests wait already; try again in {seconds(wait_s)} s",
                    seconds(wait_s),
                )
            exceeded = client.meter.begin(self._drain.wait_s(1))
            if exceeded is not None:
                self.n_refused += 1
                raise RateLimited(
                    f"This API key may have {exceeded.limit} {exceeded.what}; try again in "
                    f"{seconds(exceeded.retry_after_s)} s",
                    seconds(exceeded.retry_after_s),
                )
            self._n_open += 1
        return Ticket(self, client)

    def leave(self, ticket: Ticket) -> None:
        """A request has ended; for Ticket."""
        with self._lock:
            self._n_open -= 1
            self._drain.add()
            ticket.client.meter.end(ticket.n_tokens)


# the request that is being handled


def hold(ticket: Ticket) -> None:
    """Keep the ticket of the request that is being handled until its work takes it over."""
    g.ticket = ticket


def take_ticket() -> Ticket | None:
    """The ticket, for who gives it back when the work is done; None: there is none."""
    ticket: Ticket | None = g.pop("ticket", None) if has_app_context() else None
    return ticket


def current_client() -> Client | None:
    """Who asks, where that is known."""
    client: Client | None = g.get("client") if has_app_context() else None
    return client


def claimed(task: Task, predict_limit: int) -> Task:
    """A task as its client may post it. predict_limit: see Service. Forbidden."""
    n_predict = task.n_predict if task.n_predict >= 0 else predict_limit
    client = current_client()
    if client is None:
        return replace(task, n_predict=n_predict)
    request_id = g.get("http_id", "")
    best = client.entry.priority
    if task.priority < best:
        raise Forbidden(f"priority: this API key may claim {best} and higher numbers")
    return replace(task, n_predict=n_predict, owner=client.owner, request_id=request_id)


def drop_ticket() -> None:
    """The handler is done, and no work has taken the ticket over."""
    ticket = take_ticket()
    if ticket is not None:
        ticket.close()
