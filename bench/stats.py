"""The few statistics that a comparison needs. Pure functions over numbers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the ends of what repeated rounds gave."""

    median: float
    low: float
    high: float
    n: int


def percentile(values: Sequence[float], percent: float) -> float:
    """Linear between the two nearest ranks; nan of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    rank = percent / 100 * (len(ordered) - 1)
    below = math.floor(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def spread(values: Sequence[float]) -> Spread | None:
    """None of nothing; values that are no numbers (nan) do not count."""
    numbers = [value for value in values if not math.isnan(value)]
    if not numbers:
        return None
    return Spread(statistics.median(numbers), min(numbers), max(numbers), len(numbers))


def ratio(a: Sequence[float], b: Sequence[float]) -> Spread | None:
    """a / b round by round, as both servers of a round meet the same weather on the machine."""
    return spread([x / y for x, y in zip(a, b, strict=False) if y])
