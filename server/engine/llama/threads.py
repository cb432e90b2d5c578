"""Threads that compute: their pools, their CPUs, their priority, NUMA.

Engine thread only: priority and CPUs also become those of the calling thread, which computes too.
Answers to common_threadpools::init and set_process_priority in llama.cpp `common/common.cpp`.
"""

from __future__ import annotations

import logging
import os

from llama_ctypes import log
from llama_ctypes import runtime
from llama_ctypes.context import Context
from llama_ctypes.raw.cpu import ggml_numa_strategy
from llama_ctypes.raw.ggml import ggml_threadpool_params
from llama_ctypes.threadpool import Threadpool
from server.engine.errors import LoadFailed
from server.engine.llama.config import RunnerConfig
from server.engine.llama.config import Threads

NUMA = {
    "distribute": ggml_numa_strategy.GGML_NUMA_STRATEGY_DISTRIBUTE,
    "isolate": ggml_numa_strategy.GGML_NUMA_STRATEGY_ISOLATE,
    "numactl": ggml_numa_strategy.GGML_NUMA_STRATEGY_NUMACTL,
}
NICENESS = {-1: 5, 0: 0, 1: -5, 2: -10, 3: -20}
"""Of each priority, as the reference chooses it."""


def prepare(config: RunnerConfig) -> None:
    """What must be set before a model is loaded: NUMA strategy, priority."""
    if config.numa:
        runtime.init_numa(NUMA[config.numa])
    if config.threads.prio:
        _be_nice(NICENESS[config.threads.prio])
    _check_cpus("--cpu-mask", config.threads, config.n_threads)
    _check_cpus("--cpu-mask-batch", config.threads_batch, config.n_threads_batch)


def _check_cpus(option: str, threads: Threads, n_threads: int) -> None:
    n_cpus = len(_usable(threads.cpus))
    if threads.cpus and not n_cpus:
        cpus = ", ".join(map(str, sorted(_cpus_of_process())))
        raise LoadFailed(f"{option}: this process may run on none of these CPUs, only on {cpus}")
    if 0 < n_cpus < n_threads:
        log.write(logging.WARNING, f"{option}: {n_cpus} CPUs for {n_threads} threads")


def _cpus_of_process() -> frozenset[int]:
    """Those of the main thread: the calling one may have been pinned by a pool."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(os.getpid()))
    return frozenset(range(os.cpu_count() or 1))


def _usable(cpus: tuple[int, ...]) -> frozenset[int]:
    """A mask may name more CPUs than there are; strict placement counts those there are."""
    return frozenset(cpus) & _cpus_of_process()


def _be_nice(niceness: int) -> None:
    try:
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
    except OSError as error:
        log.write(logging.WARNING, f"--prio: the priority stays as it is: {error.strerror}")


def attach_pools(context: Context, config: RunnerConfig) -> list[Threadpool]:
    """Threads that outlive a batch: without a pool, every decode would start its own.

    Two pools where generation and prompts differ, of which one sleeps while the other works.
    """
    n_threads, n_threads_batch = context.n_threads
    same = n_threads == n_threads_batch and config.threads == config.threads_batch
    pools = [] if same else [Threadpool(pool_params(config.threads_batch, n_threads_batch))]
    own = pool_params(config.threads, n_threads)
    own.paused = not same
    pools.append(Threadpool(own))
    context.attach_threadpool(pools[-1], pools[0])
    return pools


def pool_params(threads: Threads, n_threads: int) -> ggml_threadpool_params:
    """What a pool of n_threads is made from."""
    params = Threadpool.default_params(n_threads)
    for cpu in _usable(threads.cpus):
        params.cpumask[cpu] = True
    params.prio = threads.prio
    params.poll = threads.poll
    params.strict_cpu = threads.is_strict
    return params
