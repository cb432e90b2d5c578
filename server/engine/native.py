"""The interpreter's own threads and locks, as they are without gevent.

gevent replaces them by green ones, which only the thread of its hub may use.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable
from typing import Any


def start_thread(run: Callable[..., object], *arguments: object) -> None:
    """Start a native thread and return at once."""
    _original("start_new_thread")(run, arguments)


def new_lock() -> _thread.LockType:
    """A lock that blocks the native thread."""
    lock: _thread.LockType = _original("allocate_lock")()
    return lock


def sleep(seconds: float) -> None:
    """Sleep, this native thread alone."""
    never = new_lock()
    never.acquire()
    never.acquire(timeout=seconds)


def _original(name: str) -> Callable[..., Any]:
    try:
        from gevent.monkey import get_original
    except ImportError:
        found: Callable[..., Any] = getattr(_thread, name)
        return found
    original: Callable[..., Any] = get_original("_thread", name)
    return original
