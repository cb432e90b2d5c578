"""Products of F16 weights and GELU are ggml's, bit for bit, but faster (halves.h and gelu.h).

ggml computes each result by itself in the same order, however many there are at once, and few rows
are left to it: so the same rows, a few at a time, are what it makes of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.native.exactness import place
from tests.native.graph import Array
from tests.native.graph import Ggml

FEW = 6
"""Rows of activations that are left to ggml; of one alone it adds in another order."""


@pytest.fixture(scope="module")
def ggml() -> Ggml:
    return Ggml()


def normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("n_weights", "n_tokens", "n_each"),
    [
        (384, 192, 384),
        (36, 24, 16),
        (100, 32, 1536),
        (4, 250, 48),
        (72, 302, 2080),
        (40, 77, 4096),
        # left to ggml: rows that are no multiple of sixteen, few of them, or too long
        (36, 40, 24),
        (64, 9, 64),
        (8, 40, 16384),
    ],
)
def test_products_are_what_ggml_computes(
    ggml: Ggml, n_weights: int, n_tokens: int, n_each: int
) -> None:
    weights = normal(1, n_weights, n_each).astype(np.float16)
    tokens = normal(2, n_tokens, n_each)
    ours = ggml.multiply(weights, tokens)
    few = [ggml.multiply(weights, tokens[i : i + FEW]) for i in range(0, n_tokens, FEW)]
    np.testing.assert_array_equal(ours, np.concatenate(few))
    exact = tokens.astype(np.float64) @ weights.astype(np.float64).T
    np.testing.assert_allclose(ours, exact, rtol=0.01, atol=0.02 * n_each**0.5)


def test_what_is_no_number_stays_in_its_row(ggml: Ggml) -> None:
    weights, tokens = normal(1, 32, 64).astype(np.float16), normal(2, 40, 64)
    tokens[7, 3], tokens[9, 60] = np.nan, 1e6  # more than half precision holds
    is_finite = np.isfinite(ggml.multiply(weights, tokens)).all(axis=1)
    assert np.flatnonzero(~is_finite).tolist() == [7, 9]


def test_gelu_is_what_ggml_computes(ggml: Ggml) -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    between = normal(3, 4096) * 6
    edges = np.array([-10.0, 10.0, -0.0, 9.999999, -9.9999, 1e-45, 3e38, -3e38], np.float32)
    numbers = np.concatenate([halves, between, edges])
    numbers = np.resize(numbers, (-(-len(numbers) // 50), 50))
    few = [ggml.gelu(np.ascontiguousarray(numbers[:, i : i + 10])) for i in range(0, 50, 10)]
    np.testing.assert_array_equal(ggml.gelu(numbers), np.concatenate(few, axis=1))


def test_the_pinned_source_has_the_places_once(pinned_source: Path) -> None:
    for name, path in (
        ("LLAMACTL_SGEMM", "llamafile/sgemm.cpp"),
        ("LLAMACTL_SGEMM_F16", "llamafile/sgemm.cpp"),
        ("LLAMACTL_GELU", "ops.cpp"),
    ):
        code = (pinned_source / "ggml" / "src" / "ggml-cpu" / path).read_text()
        assert code.count(place(name)) == 1
