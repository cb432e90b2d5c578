"""Work that would hold up the thread that serves everybody: elsewhere, or with pauses.

Under gevent, work that waits for disks runs in the hub's pool of native threads while other
greenlets go on; under plain threads the caller has a thread of its own already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LEAST_SLEEP_S = 1e-4
"""gevent looks at sockets and other threads after 50 sleeps of 0, but after each longer one."""


def run_blocking(work: Callable[[], T]) -> T:
    """What work returns or raises."""
    try:
        from gevent import get_hub
        from gevent.monkey import is_module_patched
    except ImportError:
        return work()
    if not is_module_patched("threading"):
        return work()
    result: T = get_hub().threadpool.apply(work)
    return result


def pause() -> None:
    """Let other greenlets run, in the middle of work that takes the processor."""
    try:
        from gevent import sleep
        from gevent.monkey import is_module_patched
    except ImportError:
        return
    if is_module_patched("threading"):
        sleep(LEAST_SLEEP_S)
