"""Responses in SQLite, bounded in bytes and in age.

A row is a response with the input items that were new to it; a conversation is the chain of
`previous` ids. Whoever uses a conversation makes all of it young again, so that what is forgotten
first is what nobody went on with. Rows belong to an owner, and nobody else sees them. It knows
neither HTTP nor what the JSON says, and is used by one thread at a time (`kept`).
"""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from dataclasses import dataclass

from server.errors import ServerError

MEMORY = ":memory:"
VERSION = 1
ROW_BYTES = 256
"""What a row costs beside its texts."""

TABLES = """
CREATE TABLE responses (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    previous TEXT NOT NULL,
    is_done INTEGER NOT NULL,
    used_at REAL NOT NULL,
    n_bytes INTEGER NOT NULL,
    response BLOB NOT NULL,
    items BLOB NOT NULL
);
CREATE INDEX responses_by_use ON responses (used_at);
CREATE TABLE outputs (
    id TEXT NOT NULL,
    n INTEGER NOT NULL REFERENCES responses (n) ON DELETE CASCADE,
    PRIMARY KEY (id, n)
) WITHOUT ROWID;
CREATE INDEX outputs_by_response ON outputs (n);
"""

COLUMNS = "id, owner, previous, is_done, response, items"

CHAIN = f"""
WITH RECURSIVE chain (id, previous, depth) AS (
    SELECT id, previous, 0 FROM responses WHERE id = :id AND owner = :owner
    UNION ALL
    SELECT r.id, r.previous, depth + 1 FROM responses AS r JOIN chain ON r.id = chain.previous
    WHERE r.owner = :owner
)
SELECT {", ".join("r." + name for name in COLUMNS.split(", "))}
FROM responses AS r JOIN chain ON r.id = chain.id ORDER BY depth DESC
"""


class StoreError(ServerError):
    """The file can't be used."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept. max_age_s: since it was used last."""

    max_bytes: int
    max_age_s: float


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A row. previous: "" = it begins its conversation. response, items: JSON."""

    id: str
    owner: str
    previous: str
    is_done: bool
    response: bytes
    items: bytes

    @property
    def n_bytes(self) -> int:
        """What it counts for."""
        return ROW_BYTES + len(self.response) + len(self.items)


class ResponseStore:
    """One file, or memory."""

    def __init__(self, path: str, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        """path: "" = in memory. StoreError."""
        self._limits = limits
        self._clock = clock
        try:
            self._db = _opened(path or MEMORY)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path}: can't be used as a store of responses: {error}") from None
        weakref.finalize(self, self._db.close)
        (self._n_bytes,) = self._db.execute("SELECT total(n_bytes) FROM responses").fetchone()

    @property
    def n_bytes(self) -> int:
        """What all rows count for."""
        return int(self._n_bytes)

    def __len__(self) -> int:
        (n,) = self._db.execute("SELECT count(*) FROM responses").fetchone()
        return int(n)

    def put(self, row: StoredResponse, outputs: Iterable[str] = ()) -> bool:
        """Add a row, or replace the one of its id; whether it is small enough to be kept.

        outputs: the ids of the items in it. sqlite3.Error, and then everything is as it was.
        """
        with self._changing():
            self._drop("id = ?", row.id)
            if row.n_bytes > self._limits.max_bytes:
                return False
            values = (*_values(row), self._clock(), row.n_bytes)
            cursor = self._db.execute(
                f"INSERT INTO responses ({COLUMNS}, used_at, n_bytes) VALUES (?,?,?,?,?,?,?,?)",
                values,
            )
            pairs = [(output, cursor.lastrowid) for output in outputs]
            self._db.executemany("INSERT OR IGNORE INTO outputs VALUES (?, ?)", pairs)
            self._n_bytes += row.n_bytes
            self._forget()
            return True

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Rows change, and the count of their bytes, or neither does."""
        n_bytes = self._n_bytes
        try:
            with self._db:
                yield
        except BaseException:
            self._n_bytes = n_bytes
            raise

    def get(self, owner: str, response_id: str) -> StoredResponse | None:
        """One row, if it is the owner's and not too old."""
        found = self._db.execute(
            f"SELECT {COLUMNS} FROM responses WHERE id = ? AND owner = ? AND used_at >= ?",
            (response_id, owner, self._oldest()),
        ).fetchone()
        return found and _row(found)

    def chain(self, owner: str, response_id: str) -> list[StoredResponse]:
        """A response and all before it, oldest first; [] unless all of them are there."""
        if self.get(owner, response_id) is None:
            return []
        found = self._db.execute(CHAIN, {"id": response_id, "owner": owner}).fetchall()
        rows = [_row(values) for values in found]
        if rows[0].previous:
            return []
        now = self._clock()
        # on a full disk the conversation is found all the same
        with suppress(sqlite3.OperationalError), self._db:
            self._db.executemany(
                "UPDATE responses SET used_at = ? WHERE id = ?", [(now, row.id) for row in rows]
            )
        return rows

    def with_output(self, owner: str, item_id: str) -> StoredResponse | None:
        """The row that has an item of this id in its output."""
        found = self._db.execute(
            f"SELECT {COLUMNS} FROM responses WHERE owner = ? AND used_at >= ? "
            "AND n IN (SELECT n FROM outputs WHERE id = ?)",
            (owner, self._oldest(), item_id),
        ).fetchone()
        return found and _row(found)

    def delete(self, owner: str, response_id: str) -> bool:
        """Whether there was one."""
        if self.get(owner, response_id) is None:
            return False
        with self._changing():
            self._drop("id = ?", response_id)
        return True

    def unfinished(self) -> list[StoredResponse]:
        """The rows of responses that were not done when they were put."""
        found = self._db.execute(f"SELECT {COLUMNS} FROM responses WHERE NOT is_done")
        return [_row(values) for values in found]

    def _forget(self) -> None:
        """What is too old, then what was used longest ago, until the rest fits."""
        self._drop("used_at < ?", self._oldest())
        while self._n_bytes > self._limits.max_bytes:
            self._drop("n = (SELECT n FROM responses ORDER BY used_at, n LIMIT 1)")

    def _drop(self, condition: str, *values: object) -> None:
        gone = self._db.execute(
            f"DELETE FROM responses WHERE {condition} RETURNING n_bytes", values
        )
        self._n_bytes -= sum(n for (n,) in gone.fetchall())

    def _oldest(self) -> float:
        return self._clock() - self._limits.max_age_s


def _opened(path: str) -> sqlite3.Connection:
    """A connection with the tables; a new file is for its owner's eyes only."""
    if path != MEMORY:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    # one thread at a time, but not always the same
    db = sqlite3.connect(path, check_same_thread=False)
    try:
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA journal_mode = WAL")
        # a crash of the machine may lose the last responses, and no more than those
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA journal_size_limit = 4194304")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            db.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
        elif version != VERSION:
            raise sqlite3.DatabaseError(f"it is of version {version}, not {VERSION}")
    except BaseException:
        db.close()
        raise
    return db


def _values(row: StoredResponse) -> tuple[object, ...]:
    return (row.id, row.owner, row.previous, row.is_done, row.response, row.items)


def _row(values: tuple[object, ...]) -> StoredResponse:
    response_id, owner, previous, is_done, response, items = values
    assert isinstance(response, bytes) and isinstance(items, bytes)
    return StoredResponse(
        str(response_id), str(owner), str(previous), bool(is_done), response, items
    )
