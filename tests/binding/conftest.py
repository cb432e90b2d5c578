"""Live objects for the tests of the owners, made from the tiny model."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from llama_ctypes.batch import Batch
from llama_ctypes.context import Context
from llama_ctypes.model import Model
from llama_ctypes.sampler import Sampler
from llama_ctypes.sampler import SamplerChain
from llama_ctypes.vocab import Vocab


@pytest.fixture(scope="session")
def model(tiny_model_path: Path) -> Model:
    """Shared: no test frees it."""
    return Model.load(tiny_model_path)


@pytest.fixture
def own_model(tiny_model_path: Path) -> Iterator[Model]:
    """One that the test may free."""
    model = Model.load(tiny_model_path)
    yield model
    gc.collect()
    model.close()


@pytest.fixture
def vocab(model: Model) -> Vocab:
    return model.vocab


@pytest.fixture
def context(model: Model) -> Iterator[Context]:
    """256 unified cells, 4 sequences, one thread."""
    context = make_context(model)
    yield context
    context.close()


def make_context(model: Model, *, n_ctx: int = 256, unified: bool = True) -> Context:
    """A small context with 4 sequences."""
    params = Context.default_params()
    params.n_ctx = n_ctx
    params.n_batch = 64
    params.n_ubatch = 32
    params.n_seq_max = 4
    params.kv_unified = unified
    params.n_threads = params.n_threads_batch = 1
    return Context(model, params)


def chain_of(*parts: Sampler) -> SamplerChain:
    """A chain of these samplers, which it consumes."""
    chain = SamplerChain()
    for part in parts:
        chain.add(part)
    return chain


@pytest.fixture
def decoded(context: Context) -> Context:
    """Three tokens of sequence 0; the last, row 2, has logits."""
    batch = Batch(8)
    batch.extend([1, 260, 261], 0, 0, True)
    context.decode(batch)
    return context
