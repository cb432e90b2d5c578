"""Memory comes back when objects go."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from llama_ctypes import samplers
from llama_ctypes.batch import Batch
from llama_ctypes.context import Context
from llama_ctypes.model import Model
from llama_ctypes.sampler import SamplerChain

STATM = Path("/proc/self/statm")
SLACK_BYTES = 4 << 20

pytestmark = pytest.mark.skipif(not STATM.exists(), reason="needs /proc/self/statm")


def resident_bytes() -> int:
    gc.collect()
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth_bytes(action: Callable[[], object], times: int) -> int:
    """What the process grew by, after a few rounds that may fill caches."""
    for _ in range(5):
        action()
    before = resident_bytes()
    for _ in range(times):
        action()
    return resident_bytes() - before


def work(context: Context) -> None:
    """Touch the buffers of the context."""
    batch = Batch(64)
    batch.extend([260] * 64, 0, 0, True)
    context.decode(batch)
    chain = SamplerChain().add(samplers.top_k(40)).add(samplers.dist(1))
    chain.sample(context, -1)
    context.seq_state_get(0)


def make(model: Model) -> Context:
    params = Context.default_params()
    params.n_ctx, params.n_batch, params.n_threads, params.n_threads_batch = 4096, 64, 1, 1
    return Context(model, params)


def test_contexts_come_and_go(model: Model) -> None:
    def cycle() -> None:
        with make(model) as context:
            work(context)

    assert growth_bytes(cycle, 20) < SLACK_BYTES


def test_forgotten_contexts_come_and_go(model: Model) -> None:
    assert growth_bytes(lambda: work(make(model)), 20) < SLACK_BYTES


def test_models_come_and_go(tiny_model_path: Path) -> None:
    def cycle() -> None:
        model = Model.load(tiny_model_path, on_progress=lambda value: True)
        model.vocab.pieces(True)
        with make(model) as context:
            work(context)

    assert growth_bytes(cycle, 20) < SLACK_BYTES


def test_samplers_come_and_go(model: Model) -> None:
    def cycle() -> None:
        for _ in range(50):
            chain = SamplerChain()
            chain.add(samplers.penalties(model.vocab.n_tokens, 4096, 1.1, 0.0, 0.0))
            chain.add(samplers.grammar(model.vocab, 'root ::= "a" | "b" root'))
            chain.clone()

    assert growth_bytes(cycle, 20) < SLACK_BYTES


def test_failed_loads_leave_nothing(tiny_model_path: Path) -> None:
    def cycle() -> None:
        with pytest.raises(Exception, match="cancelled"):
            Model.load(tiny_model_path, on_progress=lambda value: value < 0.5)

    assert growth_bytes(cycle, 50) < SLACK_BYTES
