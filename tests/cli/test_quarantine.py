"""Which prompts are refused after deaths of a worker."""

from __future__ import annotations

import numpy as np

from server.engine.task import Tokens
from server.quarantine import N_PROMPTS
from server.quarantine import Quarantine
from server.quarantine import fingerprint


def prompt(*tokens: int) -> Tokens:
    return np.array(tokens, np.int32)


def test_a_prompt_that_was_there_twice_is_refused() -> None:
    quarantine = Quarantine()
    assert not quarantine
    quarantine.blame([fingerprint(prompt(1, 2))] * 2)  # two requests with one prompt
    assert not quarantine.refuses(prompt(1, 2))
    quarantine.blame([fingerprint(prompt(1, 2)), fingerprint(prompt(3))])
    assert quarantine.refuses(prompt(1, 2))
    assert not quarantine.refuses(prompt(3))
    assert not quarantine.refuses(prompt(1, 2, 3))


def test_who_ends_well_in_between_is_cleared() -> None:
    quarantine = Quarantine()
    quarantine.blame([fingerprint(prompt(1))])
    quarantine.clear(fingerprint(prompt(1)))
    quarantine.clear(fingerprint(prompt(2)))
    quarantine.blame([fingerprint(prompt(1))])
    assert not quarantine.refuses(prompt(1))


def test_the_oldest_are_forgotten() -> None:
    quarantine = Quarantine()
    for _ in range(2):
        quarantine.blame([fingerprint(prompt(-1))])
    for i in range(N_PROMPTS):
        quarantine.blame([fingerprint(prompt(i))])
    assert not quarantine.refuses(prompt(-1))
    quarantine.blame([fingerprint(prompt(N_PROMPTS - 1))])
    assert quarantine.refuses(prompt(N_PROMPTS - 1))
