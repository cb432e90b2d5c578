"""The sampler of a fake runner: it follows the runner's rule and remembers what it was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.engine.allowed import Allowed
from server.engine.sampling import chain_steps
from server.engine.task import SamplingParams
from server.engine.task import TokenProb
from server.engine.task import Tokens
from server.engine.task import TopToken
from server.engine.triggers import Beginning

if TYPE_CHECKING:
    from tests.fakes import FakeRunner


class FakeSampler:
    """Follows the runner's rule; probabilities are made up but ordered."""

    def __init__(self, runner: FakeRunner, params: SamplingParams) -> None:
        chain_steps(params)
        self.params = params
        self.accepted: list[int] = []
        self.seq_id = -1
        self.is_closed = False
        self._runner = runner
        runner.n_samplers += 1

    def attach(self, seq_id: int) -> None:
        """Remember the sequence."""
        self.seq_id = seq_id

    def sample(self, i_batch: int) -> int:
        """The rule's token for the sequence of that row."""
        return self._runner.next_token(i_batch)

    def sample_among(self, i_batch: int, allowed: Allowed) -> int:
        """The rule's token if it may come, else the first that may."""
        token = self._runner.next_token(i_batch)
        return token if token in allowed else int(allowed.ids[0])

    def can_bind(self, beginning: Beginning) -> bool:
        """It has no grammars."""
        return False

    def bind(self, beginning: Beginning) -> bool:
        """It has no grammars."""
        return False

    def learn(self, token: int, i_batch: int | None = None) -> bool:
        """Remember it."""
        self.accepted.append(token)
        return True

    def forced(self, n_max: int) -> list[int]:
        """Nothing is certain."""
        return []

    def end_reasoning(self) -> bool:
        """It never thinks."""
        return False

    def prob(self, token: int) -> TokenProb | None:
        """Half for the token, a quarter for another."""
        if not self.params.n_probs:
            return None
        top = (TopToken(token, b"?", 0.5), TopToken(0, b"\0", 0.25))
        return TokenProb(token, b"?", 0.5, top[: self.params.n_probs])

    def accept(self, tokens: Tokens) -> None:
        """Remember what was seen."""
        self.accepted.extend(int(token) for token in tokens)

    def close(self) -> None:
        """Count the chain as freed, once."""
        if not self.is_closed:
            self.is_closed = True
            self._runner.n_samplers -= 1
