"""How long a model may think: counts the tokens of its reasoning and says when they are spent.

Reasoning is what stands between a start text and an end text. When its tokens are spent, or when
somebody wants it to end, a message and the end text follow, as tokens that are forced. It knows no
sampler. Answers to llama.cpp `common/reasoning-budget.cpp`; tags are found in the text, not as
sequences of tokens, because a token may hold a part of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from server.engine.tags import TagSearch
from server.engine.task import Reasoning
from server.engine.text import incomplete_tail


class Phase(Enum):
    """Where the output is."""

    OUTSIDE = "outside"
    INSIDE = "inside"
    ENDING = "ending"
    """The end is due, or being forced."""


class Thinking:
    """One request's reasoning. Engine thread only."""

    def __init__(self, reasoning: Reasoning, pieces: Sequence[bytes]) -> None:
        """pieces: of every token, control tokens with their text."""
        self._reasoning = reasoning
        self._pieces = pieces
        self._start = TagSearch([reasoning.start.encode()])
        self._tail = b""
        self._phase = Phase.OUTSIDE
        if reasoning.is_open:
            self._enter()

    def _enter(self) -> None:
        self._phase = Phase.INSIDE
        self._n_left = self._reasoning.n_tokens
        self._end = TagSearch([end.encode() for end in self._reasoning.ends])
        self._tail = b""
        if self._n_left == 0:
            self._phase = Phase.ENDING

    def accept(self, token: int) -> None:
        """A token was chosen, or forced."""
        piece = self._pieces[token]
        if self._phase is Phase.OUTSIDE:
            found = self._start.push(piece)
            if found is None:
                return
            self._enter()
            piece = found.rest
            if not piece:
                return
        self._count(piece)

    def _count(self, piece: bytes) -> None:
        found = self._end.push(piece)
        if found is not None:
            self._phase = Phase.OUTSIDE
            return
        self._tail = (self._tail + piece)[-4:]
        if self._phase is Phase.INSIDE and self._n_left > 0:
            self._n_left -= 1
            if self._n_left == 0:
                self._phase = Phase.ENDING

    @property
    def is_inside(self) -> bool:
        """Whether the output is inside of the reasoning."""
        return self._phase is not Phase.OUTSIDE

    @property
    def due(self) -> tuple[int, ...]:
        """Tokens that have to come now, so that the reasoning ends; () where it may go on.

        None are due in the middle of a character.
        """
        if self._phase is not Phase.ENDING or incomplete_tail(self._tail):
            return ()
        return self._reasoning.forced

    def end(self) -> bool:
        """Let the reasoning end as soon as it can; whether there is any."""
        if self._phase is not Phase.INSIDE:
            return False
        self._phase = Phase.ENDING
        return True
