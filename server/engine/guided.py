"""A sampler whose choice is not free: masks of a grammar, tokens that must come, reasoning limits.

A lazy GBNF grammar is here until its trigger comes; then the chooser has it.

It wraps the sampler that chooses; which one that is, it does not know. Tokens that are certain are
handed out without being sampled, so that the next batch computes several of them at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from server.engine.allowed import Allowed
from server.engine.allowed import Barred
from server.engine.constraint import Guide
from server.engine.errors import BadGrammar
from server.engine.runner import Sampler
from server.engine.task import Constraint
from server.engine.task import SamplingParams
from server.engine.task import TokenProb
from server.engine.task import Tokens
from server.engine.thinking import Thinking
from server.engine.triggers import Beginning
from server.engine.triggers import TriggerSearch

MAX_REJECTED = 8
"""Choices in one step that begin a grammar with what it forbids; then the next one stays."""


class Chooser(Sampler, Protocol):
    """A sampler that can be told among which tokens to choose. Every choice is remembered."""

    def sample_among(self, i_batch: int, allowed: Allowed) -> int:
        """As `sample`, but one of the allowed tokens. BadSampling where none is left."""
        ...

    def learn(self, token: int, i_batch: int | None = None) -> bool:
        """Remember a token that it did not choose; False: it may not come (GBNF).

        i_batch: the row whose logits would have chosen it, where they were computed.
        """
        ...

    def can_bind(self, beginning: Beginning) -> bool:
        """Whether the GBNF grammar can begin so."""
        ...

    def bind(self, beginning: Beginning) -> bool:
        """Let it hold from there; False: it can't begin so, and nothing changes."""
        ...


class GuidingTokenizer(Protocol):
    """What is wanted of a tokenizer."""

    @property
    def pieces(self) -> Sequence[bytes]:
        """The bytes of every token, control tokens with their text."""
        ...

    @property
    def eog(self) -> int:
        """A token that ends a generation. BadGrammar where there is none."""
        ...

    @property
    def eog_tokens(self) -> frozenset[int]:
        """All of them."""
        ...

    def compile(self, constraint: Constraint, preserved: frozenset[int]) -> Constraint:
        """See Tokenizer."""
        ...


class GuidedSampler:
    """See Sampler. Engine thread only."""

    def __init__(
        self,
        chooser: Chooser,
        pieces: Sequence[bytes],
        guide: Guide | None = None,
        thinking: Thinking | None = None,
        triggers: TriggerSearch | None = None,
    ) -> None:
        """triggers: of a lazy GBNF grammar. Beside it there is no guide."""
        self._chooser = chooser
        self._pieces = pieces
        self._guide = guide
        self._thinking = thinking
        self._triggers = triggers
        """None as soon as the grammar holds."""
        self._queue: deque[int] = deque()
        """Tokens that come next, not yet handed out."""

    def attach(self, seq_id: int) -> None:
        """See Sampler. Nothing is sampled on a device: the mask is here."""

    def sample(self, i_batch: int) -> int:
        """See Sampler."""
        self._queue_reasoning_end()
        while self._queue:
            token = self._queue.popleft()
            if self._take(token, i_batch):
                return token
            self._queue.clear()
        token = self._choose(i_batch)
        self._follow(token)
        return token

    def _choose(self, i_batch: int) -> int:
        chooser, guide = self._chooser, self._guide
        if guide is not None and guide.is_bound:
            return chooser.sample_among(i_batch, guide.allowed())
        token = chooser.sample(i_batch)
        if self._admits(token):
            return token
        barred = Barred(len(self._pieces))
        for _ in range(MAX_REJECTED):
            barred.add([token])
            token = chooser.sample_among(i_batch, barred.rest)
            if self._admits(token):
                break
        return token

    def _admits(self, token: int) -> bool:
        """While free: whether a token begins no grammar, or one that allows it."""
        if self._guide is not None:
            return self._guide.admits(token)
        if self._triggers is None or self._thinks:
            return True
        beginning = self._triggers.find(token)
        return beginning is None or self._chooser.can_bind(beginning)

    @property
    def _thinks(self) -> bool:
        return self._thinking is not None and self._thinking.is_inside

    def forced(self, n_max: int) -> list[int]:
        """See Sampler."""
        tokens: list[int] = []
        while len(tokens) < n_max:
            self._queue_reasoning_end()
            if not self._queue and self._guide is not None and self._guide.is_bound:
                self._queue.extend(self._guide.forced())
            if not self._queue:
                break
            token = self._queue.popleft()
            if not self._take(token):
                self._queue.clear()
                break
            tokens.append(token)
        return tokens

    def _queue_reasoning_end(self) -> None:
        if self._thinking is not None and not self._queue:
            due = self._thinking.due
            if due and (self._guide is None or self._guide.can_accept(due)):
                self._queue.extend(due)

    def _take(self, token: int, i_batch: int | None = None) -> bool:
        """Let everybody know of a token that nobody chose; False: it may not come."""
        if not self._chooser.learn(token, i_batch):
            return False
        self._follow(token)
        return True

    def _follow(self, token: int) -> None:
        if self._guide is not None:
            self._guide.accept(token)
        did_think = self._thinks
        if self._thinking is not None:
            self._thinking.accept(token)
        if self._triggers is not None and not (did_think and self._thinks):
            self._look_for_trigger(token, self._triggers)

    def _look_for_trigger(self, token: int, triggers: TriggerSearch) -> None:
        """What begins a grammar that does not allow it leaves the output free."""
        beginning = triggers.push(token)
        if beginning is None:
            return
        if self._chooser.bind(beginning):
            self._triggers = None
        else:
            triggers.forget()

    def end_reasoning(self) -> bool:
        """See Sampler."""
        return self._thinking is not None and self._thinking.end()

    def prob(self, token: int) -> TokenProb | None:
        """See Sampler."""
        return self._chooser.prob(token)

    def accept(self, tokens: Tokens) -> None:
        """See Sampler."""
        self._chooser.accept(tokens)

    def close(self) -> None:
        """See Sampler."""
        self._chooser.close()


def guided(chooser: Chooser, params: SamplingParams, tokenizer: GuidingTokenizer) -> Sampler:
    """The chooser itself where nothing limits its choice. BadGrammar; the chooser is closed."""
    if not params.is_guided:
        return chooser
    try:
        guide = thinking = triggers = None
        if params.constraint is not None:
            constraint = tokenizer.compile(params.constraint, frozenset())
            guide = Guide(constraint, tokenizer.pieces, tokenizer.eog, tokenizer.eog_tokens)
        if params.reasoning is not None:
            thinking = Thinking(params.reasoning, tokenizer.pieces)
        if params.grammar and params.triggers is not None:
            triggers = TriggerSearch(params.triggers, tokenizer.pieces)
    except BadGrammar:
        chooser.close()
        raise
    return GuidedSampler(chooser, tokenizer.pieces, guide, thinking, triggers)
