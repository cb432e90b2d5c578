"""Primitives of the interpreter as they are without gevent, for native threads.

gevent replaces locks and threads by green ones, which only the thread of the hub may use.
"""

from __future__ import annotations

import _thread


def native_lock() -> _thread.LockType:
    """A lock that blocks the native thread."""
    try:
        from gevent.monkey import get_original
    except ImportError:
        return _thread.allocate_lock()
    lock: _thread.LockType = get_original("_thread", "allocate_lock")()
    return lock
