"""From a batch's output rows to accepted tokens: sample, update the slots, end what ends.

One slot's fault ends that request alone. It decides nothing about batches; that is `engine`.
Engine thread only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from server.engine.errors import BadGrammar
from server.engine.errors import BadLogits
from server.engine.errors import BadSampling
from server.engine.faults import Faults
from server.engine.runner import ModelRunner
from server.engine.slot import Slot
from server.engine.slots import Slots
from server.engine.task import ErrorKind

if TYPE_CHECKING:
    from server.engine.runner import Sampler
    from server.engine.task import TokenProb


class Outputs:
    """The output rows of the batch that was decoded last."""

    def __init__(
        self, runner: ModelRunner, slots: Slots, faults: Faults, clock: Callable[[], float]
    ) -> None:
        self._runner = runner
        self._slots = slots
        self._faults = faults
        self._clock = clock

    def sample(self) -> list[Slot]:
        """A token for every slot that has a row; returns the slots whose row is no number."""
        spoiled: list[Slot] = []
        for slot in self._slots:
            sampler = slot.sampler
            if slot.i_batch < 0 or sampler is None:
                continue
            try:
                token = sampler.sample(slot.i_batch)
                self._accept(slot, token, sampler.prob(token))
                if slot.is_guided and slot.generation.has_next_token:
                    self._accept_forced(slot, sampler)
            except BadLogits:
                spoiled.append(slot)
                continue
            except BadGrammar as error:
                self._slots.fail(slot, ErrorKind.INVALID_REQUEST, str(error))
                continue
            except BadSampling as error:
                self._faults.fail(slot, str(error))
                continue
            if not slot.generation.has_next_token:
                self._slots.finish(slot)
        return spoiled

    def _accept_forced(self, slot: Slot, sampler: Sampler) -> None:
        """What must follow needs no logits; with probabilities it does."""
        task, info = slot.task, self._runner.info
        assert task is not None
        n_max = min(info.n_batch // info.n_slots, slot.n_room) - 1
        if task.sampling.n_probs or n_max <= 0:
            return
        for token in sampler.forced(n_max):
            self._accept(slot, token, is_forced=True)
            self._slots.stats.n_predicted += 1
            if not slot.generation.has_next_token:
                return

    def _accept(
        self, slot: Slot, token: int, prob: TokenProb | None = None, *, is_forced: bool = False
    ) -> None:
        runner, task = self._runner, slot.task
        assert task is not None
        piece, is_eog = runner.piece(token), runner.is_eog(token)
        if task.preserved_tokens and token in task.preserved_tokens:
            piece = runner.tokenizer.piece(token)
        now = self._clock()
        event = slot.accept(token, piece, now, is_eog=is_eog, prob=prob, is_forced=is_forced)
        if event is not None:
            self._slots.events.append(event)
