"""When a text that differs from the recorded one is no bug: the rule, and the data that it needs.

Logits differ in their last bits from CPU to CPU, so a draw that falls on the border between two
tokens may fall to the other side. A text that differs first at token k is accepted only if

1. the distribution from which token k was drawn is the recorded one: over the most likely tokens
   after the sampler chain, total variation at most `Tolerance.variation`;
2. for a greedy setting, whose distribution after the chain is one token: the distribution before
   the chain agrees in the same way, and in it our token's logarithm is at most `Tolerance.margin`
   below the recorded token's.

So a wrong parameter, order or penalty fails at its first effect, whatever token it led to. A wrong
seed or generator moves draws alone; it fails because most settings of a model must be equal to the
end (`TextProfile.min_equal`). The recorder keeps that share high: it takes a seed only if the
reference gives the same text when it adds up in other orders. Models in single precision follow the
rule without exception; a quantized one amplifies rounding and may break it in a few texts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

N_TOP = 6

Json = Any
Distribution = Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far distributions may be apart on two machines, for one model."""

    variation: float
    margin: float


@dataclass(frozen=True, slots=True)
class Setting:
    """A body of /completion by name."""

    name: str
    body: dict[str, Json]

    @property
    def is_greedy(self) -> bool:
        """Whether chance has no part in it."""
        return bool(self.body.get("temperature") == 0 or self.body.get("top_k") == 1)


def setting_of(vector: Json) -> dict[str, Json]:
    """The body that a vector's setting had, without what the recorder put in."""
    return {k: v for k, v in vector["body"].items() if k not in ("seed", "n_predict")}


def with_probabilities(body: Mapping[str, Json], is_greedy: bool) -> dict[str, Json]:
    """The same request, asking for the distributions that the rule needs."""
    return {**body, "return_tokens": True, "n_probs": N_TOP, "post_sampling_probs": not is_greedy}


def distributions(answer: Json, is_greedy: bool) -> list[dict[int, float]]:
    """Of each token of an answer: the most likely ones, as probabilities or as logarithms."""
    names = ("top_logprobs", "logprob") if is_greedy else ("top_probs", "prob")
    return [
        {top["id"]: top[names[1]] for top in row[names[0]]}
        for row in answer.get("completion_probabilities", [])
    ]


def first_difference(recorded: Sequence[int], ours: Sequence[int]) -> int:
    """The index of the first token that differs; the shorter length if none does."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(recorded, ours, strict=False))
    return sum(1 for _ in same)


def total_variation(recorded: Distribution, ours: Distribution) -> float:
    """Half the sum of the differences, over the tokens that either side names."""
    tokens = recorded.keys() | ours.keys()
    return sum(abs(recorded.get(t, 0.0) - ours.get(t, 0.0)) for t in tokens) / 2


def objection(is_greedy: bool, recorded: Json, ours: Json, tolerance: Tolerance) -> str | None:
    """Why a text that differs is a bug; None if the rule accepts it.

    recorded: a stored vector (`tokens`, `top`). ours: our answer to `with_probabilities`.
    """
    k = first_difference(recorded["tokens"], ours["tokens"])
    where = f"token {k} of {len(recorded['tokens'])}"
    mine = distributions(ours, is_greedy)
    if k >= min(len(recorded["top"]), len(mine)):
        return f"{where}: one text ends where the other goes on"
    then, now = unpacked(recorded["top"][k]), mine[k]
    if is_greedy:
        behind = then[recorded["tokens"][k]] - then.get(ours["tokens"][k], -math.inf)
        if behind > tolerance.margin:
            return f"{where}: our token is {behind:.3f} behind in the recorded logarithms"
        then, now = exponentials(then), exponentials(now)
    distance = total_variation(then, now)
    if distance > tolerance.variation:
        return f"{where}: the distributions differ by {distance:.3f}: {then} and {now}"
    return None


def packed(distribution: Distribution) -> list[float]:
    """A distribution as it is stored: id, value, id, value, ..."""
    return [x for token, value in distribution.items() for x in (token, float(f"{value:.4g}"))]


def unpacked(row: Sequence[float]) -> dict[int, float]:
    """The inverse of `packed`."""
    return {int(token): value for token, value in zip(row[::2], row[1::2], strict=True)}


def exponentials(logarithms: Distribution) -> dict[int, float]:
    """Logarithms as probabilities."""
    return {token: math.exp(value) for token, value in logarithms.items()}
