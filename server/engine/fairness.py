"""Whose turn it is: owners take turns, measured in the tokens that they were served.

Each owner has a virtual counter of what it was served; who has the least goes first. One who comes
back after a pause starts where the others are, so that turns can't be saved up. It knows neither
slots nor the order within an owner. After Sheng et al., "Fairness in Serving Large Language
Models" (OSDI 2024).
"""

from __future__ import annotations

from collections.abc import Iterable

from server.engine.slot import Slot

PROMPT_WEIGHT = 1
DECODED_WEIGHT = 2
"""A generated token costs more than one of a prompt, which is computed together with others."""


class Shares:
    """The counters. Engine thread only."""

    def __init__(self) -> None:
        self._served: dict[str, float] = {}
        self._last = 0.0
        """The counter of the owner that was served last."""

    @property
    def is_contended(self) -> bool:
        """Whether there is more than one owner to be fair to."""
        return len(self._served) > 1

    def of(self, owner: str) -> float:
        """What an owner was served, in weighted tokens."""
        return self._served.get(owner, 0.0)

    def join(self, owner: str, waiting: Iterable[str]) -> None:
        """An owner that had nothing waiting has now; waiting: those that had already."""
        least = min((self._served[other] for other in waiting), default=self._last)
        self._served[owner] = max(self.of(owner), least)

    def charge_prompt(self, owner: str, n_tokens: int) -> None:
        """A prompt begins."""
        self._served[owner] = self.of(owner) + PROMPT_WEIGHT * n_tokens
        self._last = self._served[owner]

    def charge_decoded(self, slots: Iterable[Slot]) -> None:
        """A step has computed what these slots generate."""
        for slot in slots:
            if slot.task is not None:
                self._served[slot.task.owner] += DECODED_WEIGHT * len(slot.pending)
