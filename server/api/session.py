"""A request that runs: its events as they come, until all are there or its client has gone."""

from __future__ import annotations

import time
from collections.abc import Sequence

from flask import request as http

from server.api.admission import take_ticket
from server.api.disconnect import NoWatch
from server.api.disconnect import Watch
from server.api.errors import ClientGone
from server.api.errors import Unavailable
from server.api.service import Service
from server.api.trace import current_trace
from server.engine.client import Request
from server.engine.mailbox import Status
from server.engine.task import Embedded
from server.engine.task import Event
from server.engine.task import Finished
from server.engine.task import Token

ENGINE_POLL_S = 5.0
"""How often a handler that waits makes sure that there is still an engine to wait for."""

LAST_WORDS_S = 0.5


class Session:
    """A request that runs: its events, and the watch over its client.

    ids: of its tasks, in the order of the results.
    """

    def __init__(
        self, service: Service, request: Request, ids: Sequence[int], *, is_kept: bool = False
    ) -> None:
        """is_kept: it goes on when its client leaves."""
        self._engine = service.engine
        self._indexes = {task_id: i for i, task_id in enumerate(ids)}
        self._request = request
        self._n_taken: dict[int, int] = {}
        self._watch: Watch = NoWatch()
        try:
            if not is_kept:
                self._watch = service.watchers.watch(http.environ, self._request.abandon)
        except BaseException:
            self._request.close()
            raise
        self._ticket = take_ticket()
        self._trace = current_trace()

    @property
    def is_done(self) -> bool:
        """Whether every task has ended."""
        return self._request.is_done

    def index(self, event: Event) -> int:
        """The place of an event's task in the job."""
        return self._indexes[event.task_id]

    def get(self, timeout: float | None) -> Event | None:
        """The next event, None after timeout seconds. ClientGone, Unavailable."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            event = self._request.get(self._slice(deadline))
            if event is not None:
                self._count(event)
                return event
            if self._request.is_abandoned or self._watch.is_gone():
                raise ClientGone("The client closed the connection")
            if self._engine.status is not Status.READY:
                return self._last_words()
            if deadline is not None and time.monotonic() >= deadline:
                return None

    def _slice(self, deadline: float | None) -> float:
        slice_s = self._watch.poll_s or ENGINE_POLL_S
        return slice_s if deadline is None else max(0.0, min(slice_s, deadline - time.monotonic()))

    def _last_words(self) -> Event:
        """The engine's thread has ended: what it said before may still be on its way."""
        event = self._request.get(LAST_WORDS_S)
        if event is None:
            raise Unavailable("The engine has stopped")
        return event

    def _count(self, event: Event) -> None:
        """What a task has taken of its owner's tokens."""
        if isinstance(event, (Token, Finished)):
            timings = event.timings
            n_prompt = timings.n_prompt_cached + timings.n_prompt_processed
            self._n_taken[event.task_id] = n_prompt + timings.n_decoded
        elif isinstance(event, Embedded):
            self._n_taken[event.task_id] = event.n_prompt
        if self._trace is not None:
            self._trace.see(event)

    def cancel(self) -> None:
        """Have `get` raise ClientGone. Any thread or greenlet."""
        self._request.abandon()

    def close(self) -> None:
        """Cancel what still runs and stop watching. Idempotent."""
        self._watch.close()
        self._request.close()
        if self._ticket is not None:
            self._ticket.n_tokens = sum(self._n_taken.values())
            self._ticket.close()
