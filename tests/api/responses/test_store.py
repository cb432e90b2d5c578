"""The store of responses: bounds, owners, conversations, damage."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from server.api.responses.store import Limits
from server.api.responses.store import ResponseStore
from server.api.responses.store import StoredResponse
from server.api.responses.store import StoreError
from tests.api.responses.full_disk import full_disk

DAY_S = 86400.0
ROOMY = Limits(1 << 20, DAY_S)


class Clock:
    """Says what time it is."""

    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now


def row(name: str, previous: str = "", owner: str = "me", text: bytes = b"{}") -> StoredResponse:
    return StoredResponse(name, owner, previous, True, text, b"[]")


def names(rows: list[StoredResponse]) -> list[str]:
    return [each.id for each in rows]


def test_what_is_put_is_got_again_and_replaced() -> None:
    store = ResponseStore("", ROOMY)
    store.put(row("a"))
    assert store.get("me", "a") == row("a")
    store.put(row("a", text=b'{"b": 1}'))
    assert store.get("me", "a") == row("a", text=b'{"b": 1}')
    assert (len(store), store.n_bytes) == (1, row("a", text=b'{"b": 1}').n_bytes)


def test_rows_are_their_owners_alone() -> None:
    store = ResponseStore("", ROOMY)
    store.put(row("a"), ["msg_1"])
    assert store.get("you", "a") is None
    assert store.chain("you", "a") == []
    assert store.with_output("you", "msg_1") is None
    assert not store.delete("you", "a")
    assert store.with_output("me", "msg_1") == row("a")


def test_a_conversation_is_the_chain_of_its_responses() -> None:
    store = ResponseStore("", ROOMY)
    for name, previous in (("a", ""), ("b", "a"), ("c", "b"), ("fork", "a")):
        store.put(row(name, previous))
    assert names(store.chain("me", "c")) == ["a", "b", "c"]
    assert names(store.chain("me", "fork")) == ["a", "fork"]
    assert store.chain("me", "nobody") == []
    assert store.delete("me", "a")
    assert store.chain("me", "c") == []


def test_ten_thousand_responses_stay_within_the_bound(tmp_path: Path) -> None:
    limits = Limits(256 << 10, DAY_S)
    path = tmp_path / "store.db"
    store = ResponseStore(str(path), limits)
    for i in range(10_000):
        store.put(row(f"resp_{i}", text=b"x" * 500), [f"msg_{i}"])
        assert store.n_bytes <= limits.max_bytes
    kept = len(store)
    assert kept == limits.max_bytes // row("", text=b"x" * 500).n_bytes
    assert store.get("me", "resp_9999") and not store.get("me", "resp_1")
    files = sum(each.stat().st_size for each in tmp_path.iterdir())
    assert files < 2 * limits.max_bytes + (4 << 20)  # and the log, which has a bound of its own
    again = ResponseStore(str(path), limits)
    assert (len(again), again.n_bytes) == (kept, store.n_bytes)


def test_what_was_used_longest_ago_goes_first() -> None:
    clock = Clock()
    store = ResponseStore("", Limits(3 * row("a").n_bytes, DAY_S), clock)
    for name, previous in (("a", ""), ("b", "a"), ("other", "")):
        clock.now += 1
        store.put(row(name, previous))
    clock.now += 1
    assert names(store.chain("me", "b")) == ["a", "b"]
    clock.now += 1
    store.put(row("c", "b"))
    assert store.get("me", "other") is None
    assert names(store.chain("me", "c")) == ["a", "b", "c"]


def test_what_is_too_old_is_gone() -> None:
    clock = Clock()
    store = ResponseStore("", ROOMY, clock)
    store.put(row("a"))
    clock.now += DAY_S + 1
    assert store.get("me", "a") is None
    store.put(row("b"))
    assert len(store) == 1


def test_what_is_larger_than_the_bound_is_not_kept() -> None:
    store = ResponseStore("", Limits(1000, DAY_S))
    store.put(row("a"))
    store.put(row("b", text=b"x" * 1000))
    assert (len(store), store.get("me", "b")) == (1, None)


def test_what_was_not_done_is_found_after_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    begun = StoredResponse("a", "me", "", False, b"{}", b"[]")
    ResponseStore(path, ROOMY).put(begun)
    assert ResponseStore(path, ROOMY).unfinished() == [begun]


def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path) -> None:
    store = ResponseStore(str(tmp_path / "store.db"), ROOMY)
    store.put(row("a", text=b"x" * 5000))
    store.put(row("b", "a"))
    n_bytes = store.n_bytes
    with full_disk(tmp_path):
        for name in ("a", "c"):
            with pytest.raises(sqlite3.OperationalError):
                store.put(row(name, text=b"y" * 200_000))
        with pytest.raises(sqlite3.OperationalError):
            store.delete("me", "a")
        assert names(store.chain("me", "b")) == ["a", "b"]
        assert (len(store), store.n_bytes) == (2, n_bytes)
    # there is room again
    store.put(row("c", "b", text=b"y" * 200_000))
    assert names(store.chain("me", "c")) == ["a", "b", "c"]
    assert store.n_bytes == n_bytes + row("c", text=b"y" * 200_000).n_bytes


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    ResponseStore(str(path), ROOMY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_text("It was a dark and stormy night, and so on, and so on." * 100)
    with pytest.raises(StoreError, match=r"store\.db"):
        ResponseStore(str(path), ROOMY)
    with pytest.raises(StoreError):
        ResponseStore(str(tmp_path / "missing" / "store.db"), ROOMY)
