"""Work that would hold up the thread that serves everybody: elsewhere, or with pauses.

Under gevent, work that waits for disks runs in the hub's pool of native threads while other
greenlets go on; under plain threads the caller has a thread of its own already.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

LEAST_SLEEP_S = 1e-4
"""gevent looks at sockets and other threads after 50 sleeps of 0, but after each longer one."""


def run_blocking(work: Callable[[], T]) -> T:
    """What work returns or raises."""
    if not _is_green():
        return work()
    from gevent import get_hub

    # an error that leaves the pool's thread would be printed there, with its stack
    outcome: list[T] | Exception = get_hub().threadpool.apply(_outcome, (work,))
    if isinstance(outcome, Exception):
        raise outcome
    return outcome[0]


def _outcome(work: Callable[[], T]) -> list[T] | Exception:
    try:
        return [work()]
    except Exception as error:
        return error


def run_all(works: Sequence[Callable[[], T]]) -> list[T]:
    """What all of them return, in their order; they run at the same time."""
    if not _is_green():
        with ThreadPoolExecutor(max(len(works), 1)) as pool:
            return list(pool.map(lambda work: work(), works))
    import gevent

    greenlets = [gevent.spawn(work) for work in works]
    gevent.joinall(greenlets, raise_error=True)
    return [greenlet.value for greenlet in greenlets]


def _is_green() -> bool:
    """Whether requests are handled by greenlets."""
    try:
        from gevent.monkey import is_module_patched
    except ImportError:
        return False
    return bool(is_module_patched("threading"))


def pause() -> None:
    """Let other greenlets run, in the middle of work that takes the processor."""
    if _is_green():
        from gevent import sleep

        sleep(LEAST_SLEEP_S)
