"""Products of F16 matrices in fixed point are nearly as precise as ggml's (native/ggml/fixed.h)."""

from __future__ import annotations

import numpy as np
import pytest

from llama_ctypes import library
from llama_ctypes import runtime
from tests.native.graph import Array
from tests.native.graph import Ggml


@pytest.fixture(scope="module")
def ggml() -> Ggml:
    return Ggml()


def has_it() -> bool:
    return library.load().switch("llamactl_fixed_point") is not None


def normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def error(found: Array, weights: Array, tokens: Array) -> float:
    """How far products are from the true ones, beside the size of these."""
    true = tokens.astype(np.float64) @ weights.astype(np.float64).T
    return float(np.sqrt(((found - true) ** 2).mean() / (true**2).mean()))


def in_fixed_point(ggml: Ggml, weights: Array, tokens: Array) -> Array:
    with runtime.fixed_point():
        return ggml.multiply(weights, tokens)


@pytest.mark.parametrize(("largest", "most"), [(1, 1.0), (60, 3.0)])
@pytest.mark.parametrize(
    ("n_weights", "n_tokens", "n_each"),
    [(384, 192, 384), (1536, 24, 96), (33, 31, 64), (1, 25, 32), (47, 401, 1536), (40, 300, 8192)],
)
def test_products_are_as_precise_as_ggmls_or_nearly(
    ggml: Ggml, n_weights: int, n_tokens: int, n_each: int, largest: int, most: float
) -> None:
    """Also where one number in three blocks is far larger than what shares its factor."""
    weights = normal(1, n_weights, n_each).astype(np.float16)
    tokens = normal(2, n_tokens, n_each)
    tokens[:, ::97] *= largest
    ours, exact = in_fixed_point(ggml, weights, tokens), ggml.multiply(weights, tokens)
    assert error(ours, weights, tokens) <= most * error(exact, weights, tokens) < 1e-3
    assert (ours == exact).all() != has_it()


def test_a_large_number_of_no_weight_costs_two_digits_at_most(ggml: Ggml) -> None:
    """The others share its factor; encoders hardly have such, and models that make text do."""
    weights, tokens = normal(1, 64, 256), normal(2, 64, 256)
    tokens[:, 5] *= 60
    weights[:, 5] /= 60
    halves = weights.astype(np.float16)
    assert error(in_fixed_point(ggml, halves, tokens), halves, tokens) < 1.5e-3


@pytest.mark.parametrize("scale", [1e-25, 1e30])
def test_activations_may_have_any_size(ggml: Ggml, scale: float) -> None:
    """Ggml's own path, which rounds them to half precision, has zeros and infinities here."""
    if not has_it():
        pytest.skip("ggml's own path is taken")
    weights, tokens = normal(1, 32, 64).astype(np.float16), normal(2, 40, 64) * np.float32(scale)
    assert error(in_fixed_point(ggml, weights, tokens), weights, tokens) < 1e-3


@pytest.mark.parametrize("scale", [0.0, 1e-36, 1e-44])
def test_what_is_next_to_nothing_is_zero(ggml: Ggml, scale: float) -> None:
    weights, tokens = normal(1, 32, 64).astype(np.float16), normal(2, 40, 64) * np.float32(scale)
    assert not in_fixed_point(ggml, weights, tokens).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_stays_in_its_row(ggml: Ggml, bad: float) -> None:
    weights, tokens = normal(1, 32, 64).astype(np.float16), normal(2, 40, 64)
    tokens[7, 3] = bad
    finite = np.isfinite(in_fixed_point(ggml, weights, tokens))
    assert not finite[7].any()
    assert finite[np.arange(40) != 7].all()


@pytest.mark.parametrize("shape", [(36, 40, 24), (64, 9, 64), (8, 40, 16384)])
def test_what_is_not_covered_is_exact(ggml: Ggml, shape: tuple[int, int, int]) -> None:
    """Rows that are no multiple of 32 long, few of them, or too long."""
    n_weights, n_tokens, n_each = shape
    weights, tokens = normal(1, n_weights, n_each).astype(np.float16), normal(2, n_tokens, n_each)
    ours = in_fixed_point(ggml, weights, tokens)
    np.testing.assert_array_equal(ours, ggml.multiply(weights, tokens))


def test_it_is_off_outside(ggml: Ggml) -> None:
    switch = library.load().switch("llamactl_fixed_point")
    assert (switch is not None) is has_it()
    with pytest.raises(RuntimeError), runtime.fixed_point():
        assert switch is None or switch.value == 1
        raise RuntimeError
    assert switch is None or switch.value == 0


def test_libraries_without_it_compute_as_always(ggml: Ggml) -> None:
    assert library.load().switch("no_such_number") is None
