"""Whatever chance writes under a grammar is read as a valid call, or as a valid document."""

from __future__ import annotations

import pytest

from tests.chat.recorded import load
from tests.chat.sampled import faults

pytestmark = pytest.mark.upstream

FAMILIES: tuple[str, ...] = tuple(load("turns.json")["turns"])
N_RUNS = 5


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_grammar_allows_is_valid(family: str) -> None:
    assert [(seed, fault) for seed, _, fault in faults(family, range(N_RUNS))] == []
