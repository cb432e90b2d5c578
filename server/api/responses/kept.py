"""Responses that are kept: those in the store, and those that still run in the background.

What handlers hold of the store. SQLite's work on a file is done in another thread, one piece after
the other; what a restart cut off is found to have failed. Whose a response is, is decided by the
API key that asked for it: docs/decisions/0008-responses.md.
"""

from __future__ import annotations

import logging
import math
import sqlite3
import threading
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import Any
from typing import Protocol
from typing import TypeVar

import orjson

from server.api.blocking import run_blocking
from server.api.errors import Unavailable
from server.api.replay import KeptStream
from server.api.replay import KeptStreams
from server.api.replay import Limits as StreamLimits
from server.api.responses.status import FAILED
from server.api.responses.store import Limits
from server.api.responses.store import ResponseStore
from server.api.responses.store import StoredResponse
from server.options.feature_settings import ResponsesSettings

T = TypeVar("T")
Item = dict[str, Any]

DAY_S = 86400.0
MIB = 1 << 20
CANCEL_S = 10.0
"""How long it may take a response that was cancelled to be over."""

log = logging.getLogger(__name__)

NOT_KEPT = {"code": "server_error", "message": "There was no room to keep what came of this"}
CUT_OFF = {"code": "server_error", "message": "The server was stopped before this was done"}


class Living(Protocol):
    """A response that is made."""

    id: str

    @property
    def is_over(self) -> bool:
        """Whether nothing changes any more."""
        ...

    @property
    def is_stored(self) -> bool:
        """Whether it is to be kept."""
        ...

    @property
    def previous(self) -> str:
        """The response that it goes on with; "" = none."""
        ...

    @property
    def items(self) -> Sequence[Item]:
        """What it was given beside its conversation."""
        ...

    def response(self) -> Mapping[str, object]:
        """The object as it is now."""
        ...

    def output_ids(self) -> list[str]:
        """The ids of the items in its output."""
        ...

    def opening(self) -> bytes:
        """The events before it is worked on."""
        ...

    def cancel(self) -> None:
        """It is over, if it was not before."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """A response that runs in the background."""

    owner: str
    form: Living
    is_over: threading.Event = field(default_factory=threading.Event)


class KeptResponses:
    """All of a server. Any thread or greenlet."""

    def __init__(self, settings: ResponsesSettings) -> None:
        """StoreError if there is a file that can't be used."""
        self._path = settings.responses_store
        max_bytes = settings.responses_store_mib * MIB
        self._limits = Limits(max_bytes, settings.responses_store_days * DAY_S)
        self._lock = threading.Lock()
        self._store: ResponseStore | None = None
        self._runs: dict[str, Run] = {}
        # nobody has to read what runs in the background
        self._streams = KeptStreams(StreamLimits(unread_s=math.inf))
        if self._path:
            self._store = _open(self._path, self._limits)

    @property
    def is_on(self) -> bool:
        """Whether anything is kept."""
        return self._limits.max_bytes > 0

    def _do(self, work: Callable[[ResponseStore], T]) -> T:
        with self._lock:
            store = self._store
            if store is None:
                store = self._store = _open(self._path, self._limits)
            try:
                return run_blocking(lambda: work(store)) if self._path else work(store)
            except sqlite3.Error as error:
                raise Unavailable(f"--responses-store: {error}; try again later") from error

    # the store

    def put(self, owner: str, form: Living) -> bool:
        """Keep a response as it is now, if it is to be kept; whether it is."""
        if not form.is_stored or not self.is_on:
            return False
        response, items = orjson.dumps(form.response()), orjson.dumps(form.items)
        row = StoredResponse(form.id, owner, form.previous, form.is_over, response, items)
        outputs = form.output_ids()
        try:
            is_kept = self._do(lambda store: store.put(row, outputs))
        except Unavailable as error:  # a full disk takes no answer away
            log.error("response %s is not kept: %s", form.id, error)
            return False
        if not is_kept:
            log.warning("response %s is not kept: larger than --responses-store-mib", form.id)
        return is_kept

    def get(self, owner: str, response_id: str) -> bytes | None:
        """The JSON of a response, as far as it has come."""
        run = self._run(owner, response_id)
        if run is not None:
            return orjson.dumps(run.form.response())
        row = self._do(lambda store: store.get(owner, response_id))
        if row is None or row.is_done:
            return row.response if row else None
        return _failed(row, NOT_KEPT).response

    def history(self, owner: str, response_id: str) -> list[Item] | None:
        """All items of a conversation, the output of this response included."""
        rows = self._do(lambda store: store.chain(owner, response_id))
        return [item for row in rows for item in _items(row)] if rows else None

    def input_items(self, owner: str, response_id: str) -> list[Item] | None:
        """All items that a response was given, those of its conversation included."""
        rows = self._do(lambda store: store.chain(owner, response_id))
        if not rows:
            return None
        earlier = [item for row in rows[:-1] for item in _items(row)]
        return [*earlier, *orjson.loads(rows[-1].items)]

    def item(self, owner: str, item_id: str) -> Item | None:
        """An item of any response's output."""
        row = self._do(lambda store: store.with_output(owner, item_id))
        found = orjson.loads(row.response)["output"] if row else []
        return next((item for item in found if item["id"] == item_id), None)

    def delete(self, owner: str, response_id: str) -> bool:
        """Forget a response, and end it if it runs. Whether there was one."""
        self.cancel(owner, response_id)
        self._streams.discard(response_id)
        return self._do(lambda store: store.delete(owner, response_id))

    # the background

    def start(
        self,
        owner: str,
        form: Living,
        chunks: Iterator[bytes],
        cancel: Callable[[], None],
    ) -> KeptStream:
        """Work a response off in the background. Unavailable if too many run."""
        run = self._runs[form.id] = Run(owner, form)
        try:
            return self._streams.start(form.id, self._worked(run, chunks), cancel)
        except BaseException:
            del self._runs[form.id]
            raise

    def stream(self, response_id: str) -> KeptStream | None:
        """The events of a response that ran in the background a while ago, or does."""
        return self._streams.get(response_id)

    def is_running(self, owner: str, response_id: str) -> bool:
        """Whether it is worked on."""
        return self._run(owner, response_id) is not None

    def cancel(self, owner: str, response_id: str) -> None:
        """End a response that runs in the background, and wait for that."""
        run, stream = self._run(owner, response_id), self._streams.get(response_id)
        if run is not None and stream is not None:
            stream.cancel()
            run.is_over.wait(CANCEL_S)

    def _run(self, owner: str, response_id: str) -> Run | None:
        run = self._runs.get(response_id)
        return run if run is not None and run.owner == owner else None

    def _worked(self, run: Run, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The events of a run; it is over behind them, whatever happened."""
        try:
            yield run.form.opening()
            yield from chunks
        finally:
            run.form.cancel()
            self._runs.pop(run.form.id, None)
            run.is_over.set()


def _items(row: StoredResponse) -> list[Item]:
    """The items that a response added to its conversation."""
    return [*orjson.loads(row.items), *orjson.loads(row.response)["output"]]


def _open(path: str, limits: Limits) -> ResponseStore:
    """The store, in which nothing is left undone."""
    store = ResponseStore(path, limits)
    try:
        for row in store.unfinished():
            store.put(_failed(row, CUT_OFF))
    except sqlite3.Error as error:  # who asks for one is told all the same
        log.warning("--responses-store: %s; what was cut off is not marked", error)
    return store


def _failed(row: StoredResponse, error: Mapping[str, str]) -> StoredResponse:
    """A row of what was begun, and will not be done any more."""
    response: dict[str, Any] = orjson.loads(row.response)
    failed = orjson.dumps(response | {"status": FAILED, "error": error})
    return replace(row, is_done=True, response=failed)
