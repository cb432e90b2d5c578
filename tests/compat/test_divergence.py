"""The rule for texts that diverge accepts near ties and nothing else."""

from __future__ import annotations

import math
from typing import Any

from tests.compat.divergence import Tolerance
from tests.compat.divergence import first_difference
from tests.compat.divergence import objection
from tests.compat.divergence import packed
from tests.compat.divergence import unpacked

TOLERANCE = Tolerance(variation=0.05, margin=0.1)
EVEN = {1: 0.5, 2: 0.5}


def recorded(tokens: list[int], *rows: dict[int, float]) -> Any:
    return {"tokens": tokens, "top": [packed(row) for row in rows]}


def ours(tokens: list[int], *rows: dict[int, float], greedy: bool = False) -> Any:
    names = ("top_logprobs", "logprob") if greedy else ("top_probs", "prob")
    probabilities = [
        {names[0]: [{"id": token, names[1]: value} for token, value in row.items()]} for row in rows
    ]
    return {"tokens": tokens, "completion_probabilities": probabilities}


def logarithms(**probabilities: float) -> dict[int, float]:
    return {int(token[1:]): math.log(p) for token, p in probabilities.items()}


def test_the_first_difference_is_counted_from_the_beginning() -> None:
    assert first_difference([1, 2, 3], [1, 2, 4]) == 2
    assert first_difference([1, 2], [1, 2, 3]) == 2


def test_distributions_survive_storage() -> None:
    assert unpacked(packed({7: 0.25, 300: 1e-7})) == {7: 0.25, 300: 1e-7}


def test_another_draw_from_the_same_distribution_is_accepted() -> None:
    then, now = recorded([9, 1], {9: 1.0}, EVEN), ours([9, 2], {9: 1.0}, {1: 0.49, 2: 0.51})
    assert objection(False, then, now, TOLERANCE) is None


def test_a_draw_from_another_distribution_is_refused() -> None:
    then, now = recorded([9, 1], {9: 1.0}, EVEN), ours([9, 2], {9: 1.0}, {1: 0.4, 2: 0.6})
    refusal = objection(False, then, now, TOLERANCE)
    assert refusal is not None
    assert "token 1 of 2: the distributions differ by 0.100" in refusal


def test_a_token_that_the_chain_should_have_kept_out_is_refused() -> None:
    then, now = recorded([1], {1: 1.0}), ours([2], {1: 0.5, 2: 0.5})
    assert objection(False, then, now, TOLERANCE) is not None


def test_a_greedy_near_tie_is_accepted() -> None:
    then = recorded([1], logarithms(t1=0.51, t2=0.49))
    now = ours([2], logarithms(t1=0.495, t2=0.505), greedy=True)
    assert objection(True, then, now, TOLERANCE) is None


def test_a_greedy_token_that_was_far_behind_is_refused() -> None:
    then = recorded([1], logarithms(t1=0.6, t2=0.4))
    now = ours([2], logarithms(t1=0.6, t2=0.4), greedy=True)
    assert "behind" in str(objection(True, then, now, TOLERANCE))


def test_a_text_that_ends_early_is_refused() -> None:
    then, now = recorded([1, 2], EVEN, EVEN), ours([1], EVEN)
    assert "ends" in str(objection(False, then, now, TOLERANCE))
