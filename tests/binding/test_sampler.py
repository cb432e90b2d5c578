"""Samplers, chains, grammars."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from llama_ctypes import samplers
from llama_ctypes.candidates import TokenDataArray
from llama_ctypes.context import Context
from llama_ctypes.errors import InUse
from llama_ctypes.errors import SamplerError
from llama_ctypes.errors import TokenError
from llama_ctypes.errors import UseAfterFree
from llama_ctypes.model import Model
from llama_ctypes.raw.enums import LLAMA_DEFAULT_SEED
from llama_ctypes.sampler import Sampler
from llama_ctypes.sampler import SamplerChain
from llama_ctypes.vocab import Vocab
from tests.binding.conftest import chain_of

LOGITS = [1.0, 3.0, 2.0, 0.0]


def candidates(logits: list[float] | None = None) -> TokenDataArray:
    values = np.array(logits or LOGITS, dtype=np.float32)
    array = TokenDataArray(len(values))
    array.fill_from(values)
    return array


def kept(sampler: Sampler, logits: list[float] | None = None) -> set[int]:
    array = candidates(logits)
    sampler.apply(array)
    view = array.view()
    return set(view["id"][np.isfinite(view["logit"])].tolist())


MAKERS: dict[str, Callable[[Vocab], Sampler]] = {
    "greedy": lambda v: samplers.greedy(),
    "dist": lambda v: samplers.dist(1),
    "top-k": lambda v: samplers.top_k(2),
    "top-p": lambda v: samplers.top_p(0.9),
    "min-p": lambda v: samplers.min_p(0.1),
    "typical": lambda v: samplers.typical(0.9),
    "temp": lambda v: samplers.temp(0.5),
    "temp-ext": lambda v: samplers.temp_ext(0.5, 0.2, 1.0),
    "xtc": lambda v: samplers.xtc(0.5, 0.1, 1, 1),
    "top-n-sigma": lambda v: samplers.top_n_sigma(1.0),
    "mirostat": lambda v: samplers.mirostat(v.n_tokens, 1, 5.0, 0.1),
    "mirostat-v2": lambda v: samplers.mirostat_v2(1, 5.0, 0.1),
    "penalties": lambda v: samplers.penalties(v.n_tokens, 64, 1.1, 0.1, 0.1),
    "dry": lambda v: samplers.dry(v, 0.8, 1.75, 2, 64, ["\n", ":"]),
    "adaptive-p": lambda v: samplers.adaptive_p(0.5, 0.9, 1),
    "logit-bias": lambda v: samplers.logit_bias(v.n_tokens, {5: 1.0}),
    "infill": lambda v: samplers.infill(v),
    "grammar": lambda v: samplers.grammar(v, 'root ::= "a"'),
}


@pytest.mark.parametrize("name", MAKERS)
def test_sampler_is_made_cloned_reset_and_freed(vocab: Vocab, name: str) -> None:
    sampler = MAKERS[name](vocab)
    copy = sampler.clone()
    assert sampler.name == copy.name == name
    sampler.free()
    copy.reset()
    copy.free()


@pytest.mark.parametrize("name", MAKERS)
def test_freed_sampler_raises(vocab: Vocab, name: str) -> None:
    sampler = MAKERS[name](vocab)
    sampler.free()
    for use in (sampler.free, sampler.reset, sampler.clone, lambda: sampler.accept(5)):
        with pytest.raises(UseAfterFree):
            use()
    with pytest.raises(UseAfterFree):
        SamplerChain().add(sampler)


def test_top_k_keeps_the_k_best() -> None:
    assert kept(samplers.top_k(2)) == {1, 2}


def test_min_p_keeps_what_is_near_the_best() -> None:
    assert kept(samplers.min_p(0.3)) == {1, 2}


def test_top_p_keeps_the_mass() -> None:
    assert kept(samplers.top_p(0.5)) == {1}


def test_temperature_scales_logits() -> None:
    array = candidates()
    samplers.temp(0.5).apply(array)
    np.testing.assert_allclose(array.view()["logit"], [2.0, 6.0, 4.0, 0.0])


def test_logit_bias_adds() -> None:
    array = candidates()
    samplers.logit_bias(4, {0: 5.0, 1: float("-inf")}).apply(array)
    np.testing.assert_array_equal(array.view()["logit"], [6.0, -np.inf, 2.0, 0.0])


def test_penalties_touch_accepted_tokens() -> None:
    sampler = samplers.penalties(4, 8, 2.0, 0.0, 0.0)
    sampler.accept(1)
    array = candidates()
    sampler.apply(array)
    np.testing.assert_allclose(array.view()["logit"], [1.0, 1.5, 2.0, 0.0])
    sampler.reset()
    array = candidates()
    sampler.apply(array)
    np.testing.assert_allclose(array.view()["logit"], LOGITS)


def test_disabled_sampler_says_so_in_its_name() -> None:
    assert samplers.penalties(4, 0, 1.0, 0.0, 0.0).name == "?penalties"


def test_greedy_selects_the_best() -> None:
    array = candidates()
    samplers.greedy().apply(array)
    assert (array.selected, array.token, array.logit) == (1, 1, 3.0)


def test_nothing_selected_is_an_error() -> None:
    array = candidates()
    assert array.selected == -1
    with pytest.raises(SamplerError, match="no sampler has selected"):
        array.token  # noqa: B018


def test_candidates_can_be_some_tokens() -> None:
    array = TokenDataArray(4)
    array.fill([7, 9], [0.5, 1.5])
    samplers.greedy().apply(array)
    assert (array.n, array.token) == (2, 9)


def test_candidates_without_room_are_refused() -> None:
    with pytest.raises(SamplerError, match="4 candidates do not fit"):
        TokenDataArray(3).fill_from(np.array(LOGITS, dtype=np.float32))


def test_equal_seeds_draw_equal_tokens() -> None:
    def draws(seed: int) -> list[int]:
        sampler, tokens = samplers.dist(seed), []
        for _ in range(32):
            array = candidates()
            sampler.apply(array)
            tokens.append(array.token)
        return tokens

    assert draws(7) == draws(7)
    assert draws(7) != draws(8)


def test_seed_is_known() -> None:
    assert samplers.dist(7).seed == 7
    assert samplers.greedy().seed == LLAMA_DEFAULT_SEED
    assert chain_of(samplers.top_k(2), samplers.dist(9)).seed == 9


def test_chain_runs_in_order() -> None:
    chain = chain_of(samplers.top_k(2), samplers.temp(0.5), samplers.greedy())
    assert (chain.n, chain.name) == (3, "chain")
    assert chain.names() == ["top-k", "temp", "greedy"]
    array = candidates()
    chain.apply(array)
    assert (array.n, array.token) == (2, 1)


def test_sampler_in_a_chain_is_consumed() -> None:
    sampler = samplers.greedy()
    SamplerChain().add(sampler)
    with pytest.raises(UseAfterFree):
        sampler.free()


def test_sampler_taken_out_of_a_chain_is_free_again(decoded: Context) -> None:
    chain = chain_of(samplers.top_k(2), samplers.greedy())
    taken = chain.remove(1)
    assert chain.names() == ["top-k"]
    chain.free()
    array = candidates()
    taken.apply(array)
    assert array.token == 1


def test_removing_what_is_not_there_is_refused() -> None:
    with pytest.raises(SamplerError, match="no sampler 0"):
        SamplerChain().remove(0)


def test_greedy_chain_samples_the_best_logit(decoded: Context) -> None:
    token = chain_of(samplers.greedy()).sample(decoded, 2)
    assert token == int(decoded.logits(2).argmax())


def test_clone_of_a_chain_draws_the_same(decoded: Context) -> None:
    chain = chain_of(samplers.penalties(4, 8, 1.5, 0.0, 0.0), samplers.temp(5.0), samplers.dist(3))
    chain.sample(decoded, -1)
    copy = chain.clone()
    first = [chain.sample(decoded, -1) for _ in range(16)]
    chain.free()
    assert [copy.sample(decoded, -1) for _ in range(16)] == first


def test_reset_starts_again(decoded: Context) -> None:
    chain = chain_of(samplers.temp(5.0), samplers.dist(3))
    first = [chain.sample(decoded, -1) for _ in range(16)]
    chain.reset()
    assert [chain.sample(decoded, -1) for _ in range(16)] == first


def test_chain_that_selects_nothing_is_refused(decoded: Context) -> None:
    with pytest.raises(SamplerError, match="end it with dist or greedy"):
        chain_of(samplers.top_k(3)).sample(decoded, -1)


def test_row_without_logits_is_refused(decoded: Context) -> None:
    with pytest.raises(SamplerError, match="row 0 of the last batch has no logits"):
        chain_of(samplers.greedy()).sample(decoded, 0)


def test_freed_context_is_refused(context: Context) -> None:
    context.free()
    with pytest.raises(UseAfterFree, match="context"):
        chain_of(samplers.greedy()).sample(context, 0)


def test_negative_token_is_not_accepted() -> None:
    with pytest.raises(TokenError):
        samplers.adaptive_p(0.5, 0.9, 1).accept(-1)
    with pytest.raises(TokenError):
        chain_of(samplers.greedy()).accept(-1)


def test_freed_chain_raises(decoded: Context) -> None:
    chain = chain_of(samplers.greedy())
    chain.free()
    uses = (chain.free, chain.reset, chain.clone, chain.names, lambda: chain.accept(1))
    for use in (*uses, lambda: chain.sample(decoded, -1), lambda: chain.add(samplers.greedy())):
        with pytest.raises(UseAfterFree):
            use()


def test_perf_counts_samples(decoded: Context) -> None:
    chain = SamplerChain(no_perf=False).add(samplers.greedy())
    chain.sample(decoded, -1)
    assert chain.perf().n_sample == 1


def test_model_outlives_a_chain_that_uses_its_vocab(own_model: Model) -> None:
    chain = chain_of(samplers.grammar(own_model.vocab, 'root ::= "a"'), samplers.greedy())
    with pytest.raises(InUse, match="1 sampler chain"):
        own_model.free()
    chain.free()
    own_model.free()
