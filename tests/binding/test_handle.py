"""The ownership rules, on owners without C."""

from __future__ import annotations

import ctypes
import gc
import weakref
from typing import Any

import pytest

from llama_ctypes.ctype import Ptr
from llama_ctypes.errors import InUse
from llama_ctypes.errors import UseAfterFree
from llama_ctypes.handle import Handle


class Thing(ctypes.Structure):
    """What the owners below own."""


class Owner(Handle[Thing]):
    noun = "thing"

    def __init__(self, log: list[str], name: str, *parents: Handle[Any]) -> None:
        super().__init__(ctypes.pointer(Thing()), *parents)
        self.log = log
        self.name = name

    def _dispose(self, pointer: Ptr[Thing]) -> None:
        self.log.append(self.name)


def test_free_disposes_once_and_then_raises() -> None:
    log: list[str] = []
    owner = Owner(log, "a")
    owner.free()
    with pytest.raises(UseAfterFree, match="thing is already freed"):
        owner.free()
    assert log == ["a"]


def test_close_twice_disposes_once() -> None:
    log: list[str] = []
    owner = Owner(log, "a")
    owner.close()
    owner.close()
    assert log == ["a"]


def test_pointer_of_a_freed_owner_raises() -> None:
    owner = Owner([], "a")
    owner.free()
    with pytest.raises(UseAfterFree):
        owner.ptr  # noqa: B018
    assert owner.closed


def test_parent_with_a_live_child_cannot_be_freed() -> None:
    parent = Owner([], "parent")
    child = Owner([], "child", parent)
    with pytest.raises(InUse, match="used by 1 thing; close that first"):
        parent.close()
    child.free()
    parent.free()


def test_with_block_frees() -> None:
    log: list[str] = []
    with Owner(log, "parent") as parent, Owner(log, "child", parent):
        assert not log
    assert log == ["child", "parent"]


def test_dropped_owner_is_freed() -> None:
    log: list[str] = []
    Owner(log, "a")
    assert log == ["a"]


def test_child_keeps_its_parent_alive() -> None:
    log: list[str] = []
    parent = Owner(log, "parent")
    child = Owner(log, "child", parent)
    del parent
    assert not log
    del child
    assert log == ["child", "parent"]


def test_cycle_is_freed_children_first() -> None:
    log: list[str] = []
    parent = Owner(log, "parent")
    child = Owner(log, "child", parent)
    parent.__dict__["ring"] = child
    alive = weakref.ref(parent)
    del parent, child
    gc.collect()
    assert alive() is None
    assert log == ["child", "parent"]


def test_consumed_owner_is_dead_but_not_disposed() -> None:
    log: list[str] = []
    parent = Owner(log, "parent")
    child = Owner(log, "child", parent)
    child._consume()
    with pytest.raises(UseAfterFree):
        child.free()
    parent.free()
    assert log == ["parent"]


def test_failed_constructor_leaves_nothing_to_free() -> None:
    class Broken(Owner):
        def __init__(self) -> None:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Broken()
