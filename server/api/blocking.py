"""Work that waits for disks, off the thread that serves everybody.

Under gevent it runs in the hub's pool of native threads while other greenlets go on; under plain
threads the caller has a thread of its own already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


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
