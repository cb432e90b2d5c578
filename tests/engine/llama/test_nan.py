"""A model whose weights hold NaN: requests that meet them fail, and no others."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from server.engine.errors import BadSampling
from server.engine.llama.runner import LlamaRunner
from server.engine.task import Failed
from server.engine.task import SamplingParams
from tests.engine.conftest import Bench
from tests.engine.llama.conftest import Load
from tests.tiny_models import TinySpec
from tests.tiny_models import build_tiny_model
from tests.tiny_models import tiny_vocab

POISON = "Z"

CHAINS = {
    "default": SamplingParams(),
    "greedy": SamplingParams(temperature=0),
    "mirostat": SamplingParams(mirostat=2),
    "no samplers": SamplingParams(samplers=()),
    "probabilities": SamplingParams(n_probs=2, post_sampling_probs=True),
    "grammar": SamplingParams(grammar='root ::= "a"*'),
}


@pytest.fixture(scope="module")
def damaged_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, with NaN for the embedding of POISON."""
    path = build_tiny_model(tmp_path_factory.mktemp("damaged") / "damaged.gguf", TinySpec())
    reader = gguf.GGUFReader(path, "r+")
    (embedding,) = (t for t in reader.tensors if t.name == "token_embd.weight")
    embedding.data[tiny_vocab().tokens.index(POISON)] = np.nan
    reader.data.flush()
    return path


def sampled(runner: LlamaRunner, text: str, params: SamplingParams) -> int:
    """The token that follows text."""
    tokens = runner.tokenizer.tokenize(text, add_special=True, parse_special=False)
    runner.cut(0, 0)
    runner.clear_batch()
    row = runner.add_chunk(np.array(tokens, np.int32), 0, 0, wants_logits=True)
    runner.decode()
    sampler = runner.new_sampler(params)
    try:
        return sampler.sample(row)
    finally:
        sampler.close()


@pytest.mark.parametrize("chain", CHAINS)
def test_output_that_is_no_number_is_an_error(load: Load, damaged_path: Path, chain: str) -> None:
    runner = load(path=damaged_path)
    assert sampled(runner, "Once", CHAINS[chain]) >= 0
    with pytest.raises(BadSampling, match=r"NaN|no number"):
        sampled(runner, f"Once {POISON}", CHAINS[chain])
    assert sampled(runner, "Once", CHAINS[chain]) >= 0


@pytest.mark.parametrize("flash_attn", ["on", "off"])
def test_request_after_one_that_failed_is_answered(
    load: Load, damaged_path: Path, flash_attn: str
) -> None:
    bench = Bench(load("-np", "2", "-fa", flash_attn, path=damaged_path))  # type: ignore[arg-type]
    tokens = bench.runner.tokenizer.tokenize("Once upon", add_special=True, parse_special=False)
    poison = tiny_vocab().tokens.index(POISON)
    greedy = SamplingParams(temperature=0)
    before = bench.generate(tokens, n_predict=5, sampling=greedy, cache_prompt=False).text
    bad = bench.submit([*tokens, poison, *tokens])
    bench.run()
    assert isinstance(bench.last(bad), Failed)
    assert bench.generate(tokens, n_predict=5, sampling=greedy).text == before


@pytest.mark.parametrize("flash_attn", ["on", "off"])
def test_stream_beside_one_that_fails_goes_on(
    load: Load, damaged_path: Path, flash_attn: str
) -> None:
    bench = Bench(load("-np", "2", "-fa", flash_attn, path=damaged_path))  # type: ignore[arg-type]
    tokens = bench.runner.tokenizer.tokenize("Once upon", add_special=True, parse_special=False)
    greedy = SamplingParams(temperature=0)
    alone = bench.generate(tokens, n_predict=12, sampling=greedy).text
    stream = bench.submit(tokens, n_predict=12, sampling=greedy, stream=True)
    bench.tick(4)
    bad = bench.submit([*tokens, tiny_vocab().tokens.index(POISON)])
    bench.run()
    assert isinstance(bench.last(bad), Failed)
    assert bench.text(stream) == alone
