"""The statistics of a comparison."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats import Spread
from bench.stats import percentile
from bench.stats import ratio
from bench.stats import spread

FLOATS = st.lists(st.floats(-1e9, 1e9), min_size=1)


@pytest.mark.parametrize(("percent", "value"), [(0, 10), (25, 20), (50, 30), (90, 46), (100, 50)])
def test_percentile_is_linear_between_ranks(percent: float, value: float) -> None:
    assert percentile([50, 10, 40, 20, 30], percent) == pytest.approx(value)


def test_percentile_of_nothing_is_no_number() -> None:
    assert math.isnan(percentile([], 50))


@given(FLOATS, st.floats(0, 100))
def test_percentile_stays_between_the_ends(values: list[float], percent: float) -> None:
    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= percentile(values, percent) <= max(values) + slack


def test_spread_leaves_out_what_is_no_number() -> None:
    assert spread([3.0, math.nan, 1.0, 8.0]) == Spread(median=3.0, low=1.0, high=8.0, n=3)


def test_spread_of_nothing_is_none() -> None:
    assert spread([math.nan]) is None


def test_ratio_is_taken_within_each_round() -> None:
    # the machine was half as fast in the second round, for both
    assert ratio([20.0, 10.0, 20.0], [10.0, 5.0, 10.0]) == Spread(2.0, 2.0, 2.0, 3)


def test_ratio_leaves_out_rounds_without_a_divisor() -> None:
    assert ratio([1.0, 4.0, 5.0], [0.0, 2.0]) == Spread(2.0, 2.0, 2.0, 1)
