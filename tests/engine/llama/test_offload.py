"""Sampling on the device: the same tokens, by the way that was asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from llama_ctypes.raw.context import llama_get_sampled_logits_ith
from llama_ctypes.raw.context import llama_get_sampled_token_ith
from llama_ctypes.raw.enums import LLAMA_TOKEN_NULL
from server.api.service import request_defaults
from server.engine.llama.runner import LlamaRunner
from server.engine.task import SamplingParams
from server.options.resolve import settings_from
from tests.engine.llama.conftest import Load

N_TOKENS = 20

CHAINS = [
    SamplingParams(temperature=0),
    SamplingParams(seed=5),
    SamplingParams(seed=5, top_k=5, temperature=0.5),
    SamplingParams(seed=5, repeat_penalty=1.3),
    SamplingParams(seed=5, logit_bias=((300, 5.0),)),
]


def offloaded(params: SamplingParams) -> SamplingParams:
    return replace(params, backend_sampling=True)


def has_device_result(runner: LlamaRunner, row: int) -> bool:
    ctx = runner._context.ptr
    token = llama_get_sampled_token_ith(ctx, row)
    return token != LLAMA_TOKEN_NULL or bool(llama_get_sampled_logits_ith(ctx, row))


def generate(runner: LlamaRunner, *chains: SamplingParams) -> tuple[list[list[int]], list[bool]]:
    """Tokens of each chain, all in one batch; whether the device had a part in the last ones."""
    prompt = runner.tokenizer.tokenize("Once upon", add_special=True, parse_special=False)
    samplers = [runner.new_sampler(chain) for chain in chains]
    runner.clear_batch()
    rows = []
    for seq_id, sampler in enumerate(samplers):
        runner.cut(seq_id, 0)
        sampler.attach(seq_id)
        rows.append(runner.add_chunk(np.array(prompt, np.int32), 0, seq_id, wants_logits=True))
    runner.decode()
    found: list[list[int]] = [[] for _ in chains]
    for i in range(N_TOKENS):
        tokens = [sampler.sample(row) for sampler, row in zip(samplers, rows, strict=True)]
        for mine, token in zip(found, tokens, strict=True):
            mine.append(token)
        runner.clear_batch()
        position = len(prompt) + i
        rows = [runner.add_row(token, position, seq_id) for seq_id, token in enumerate(tokens)]
        runner.decode()
    on_device = [has_device_result(runner, row) for row in rows]
    for sampler in samplers:
        sampler.close()
    return found, on_device


@pytest.mark.parametrize("params", CHAINS)
def test_device_samples_the_same_tokens(load: Load, params: SamplingParams) -> None:
    runner = load("-np", "2")
    (here,), on_device = generate(runner, params)
    assert on_device == [False]
    (there,), on_device = generate(runner, offloaded(params))
    assert on_device == [True]
    assert here == there


def test_requests_that_sample_here_and_there_share_batches(load: Load) -> None:
    runner = load("-np", "3")
    chains = (offloaded(CHAINS[1]), CHAINS[1], offloaded(CHAINS[2]))
    alone = [generate(runner, chain)[0][0] for chain in chains]
    together, on_device = generate(runner, *chains)
    assert together == alone
    assert on_device == [True, False, True]


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(backend_sampling=True, grammar='root ::= "a"*'),
        SamplingParams(backend_sampling=True, n_probs=2),
        SamplingParams(backend_sampling=True, n_probs=2, post_sampling_probs=True),
    ],
)
def test_what_needs_all_logits_is_sampled_here(load: Load, params: SamplingParams) -> None:
    _, on_device = generate(load("-np", "2"), params)
    assert on_device == [False]


def test_device_forgets_a_chain_that_was_freed(load: Load) -> None:
    runner = load("-np", "2")
    generate(runner, offloaded(CHAINS[1]))
    _, on_device = generate(runner, CHAINS[1])
    assert on_device == [False]


def test_option_is_the_default_of_requests() -> None:
    settings = settings_from(["-m", "x", "--backend-sampling"], {})
    assert request_defaults(settings, {}).sampling.backend_sampling
