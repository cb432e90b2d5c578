"""Where the memory of a sequence that can't be cut is worth saving on the way, and what was saved.

The state of a recurrent model is that of the last token, and a sliding window forgets: such a
sequence can be continued where it ends and nowhere else. A checkpoint keeps those parts of its
memory as they were at an earlier token. The ends of turns are found in the tokens themselves, as
runs of the vocab's control tokens: that holds for every dialect, and for prompts that clients
render themselves. A chat says besides where its messages begin, for templates whose headers are
plain text, and where tools follow the system prompt. Any other prompt has its checkpoints at even
distances and at its end. It knows no model. Answers to create_checkpoint of llama.cpp
`tools/server/server-context.cpp`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence as Seq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.engine.modelinfo import Tokenizer
from server.engine.task import Tokens

State = NDArray[np.uint8]
"""The state of one sequence, or the parts of it that can't be cut, as the runner saved it."""

MIN_GAP = 16
"""Tokens between checkpoints, at least: computing so few costs less than keeping a state."""
LATEST = 4
"""Times the limit: of so many places at a prompt's end the ones for checkpoints are chosen."""
END_MARGIN = 4
"""A prompt's last checkpoint lies so far from its end, where a continuation may still tokenize
in another way (as in the reference)."""


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """What can't be cut of a sequence's memory, as it was after n_tokens tokens."""

    n_tokens: int
    state: State


Checkpoints = tuple[Checkpoint, ...]
"""Of one sequence, in order."""


def latest(checkpoints: Checkpoints, n_tokens: int) -> Checkpoint | None:
    """The last one at or before n_tokens."""
    return next((c for c in reversed(checkpoints) if c.n_tokens <= n_tokens), None)


def until(checkpoints: Checkpoints, n_tokens: int) -> Checkpoints:
    """Those at or before n_tokens: what holds for a sequence that is cut or continued there."""
    return tuple(c for c in checkpoints if c.n_tokens <= n_tokens)


def merged(a: Checkpoints, b: Checkpoints) -> Checkpoints:
    """Those of two sequences of which one is the beginning of the other."""
    by_place = {c.n_tokens: c for c in (*b, *a)}
    return tuple(by_place[n] for n in sorted(by_place))


def thinned(checkpoints: Checkpoints, limit: int) -> Checkpoints:
    """At most limit of them: the last one, the first one, and what leaves the smallest gaps.

    Where gaps are equal, the older one goes.
    """
    kept = list(checkpoints)
    while len(kept) > max(limit, 0):
        if len(kept) < 3:
            kept.pop(0)
            continue
        gaps = [kept[i + 1].n_tokens - kept[i - 1].n_tokens for i in range(1, len(kept) - 1)]
        del kept[1 + gaps.index(min(gaps))]
    return tuple(kept)


def n_bytes(groups: Seq[Checkpoints]) -> int:
    """Host memory that they take together; a state that several sequences have counts once."""
    states = {id(c.state): c.state.nbytes for group in groups for c in group}
    return sum(states.values())


class Planner:
    """Where prompts are to have checkpoints. limit: of one sequence, 0 = none.

    min_step: the distance where no turn ends, 0 = no checkpoints there.
    """

    def __init__(self, tokenizer: Tokenizer, limit: int, min_step: int) -> None:
        self.limit = limit
        self._min_step = min_step
        self._is_marker = _markers(tokenizer) if limit > 0 else np.empty(0, np.bool_)

    def plan(self, prompt: Tokens, turns: Seq[int] = ()) -> tuple[int, ...]:
        """Numbers of leading tokens, ascending, after which a checkpoint is wanted.

        turns: where turns are known to begin, ascending; they count where no markers are near.
        """
        n = len(prompt)
        if self.limit <= 0 or n <= MIN_GAP:
            return ()
        places: list[int] = []
        for place in [*_with_unmarked(self._turn_ends(prompt), turns), n - END_MARGIN]:
            last = places[-1] if places else 0
            if self._min_step:
                places += range(last + self._min_step, place - MIN_GAP + 1, self._min_step)
                last = places[-1] if places else 0
            if place - last >= MIN_GAP and place < n:
                places.append(place)
        # the first one and the latest: what lies between would be thinned out again
        return tuple(places if len(places) <= self.limit else self._chosen(places))

    def _chosen(self, places: list[int]) -> list[int]:
        none = np.empty(0, np.uint8)
        if len(places) > LATEST * self.limit:  # thinning costs the square of their number
            places = [places[0], *places[-LATEST * self.limit :]]
        wanted = thinned(tuple(Checkpoint(place, none) for place in places), self.limit)
        return [checkpoint.n_tokens for checkpoint in wanted]

    def _turn_ends(self, prompt: Tokens) -> list[int]:
        """The places after runs of control tokens: a turn ends or begins there."""
        is_marker = self._is_marker[prompt]
        ends = np.flatnonzero(is_marker[:-1] & ~is_marker[1:]) + 1
        found: list[int] = ends.tolist()
        return found


def _with_unmarked(ends: list[int], turns: Seq[int]) -> list[int]:
    """The ends of turns that control tokens show, and the turns that begin far from all of them."""
    unmarked = []
    for turn in turns:
        i = bisect_left(ends, turn)
        if all(abs(end - turn) >= MIN_GAP for end in ends[max(i - 1, 0) : i + 1]):
            unmarked.append(turn)
    return sorted({*ends, *unmarked}) if unmarked else ends


def _markers(tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """(n_vocab,) bool: the tokens that have a text which is not shown, and those that end turns."""
    flags = np.zeros(tokenizer.n_vocab, np.bool_)
    flags[list(tokenizer.eog_tokens)] = True
    for token in range(tokenizer.n_vocab):
        if not tokenizer.piece(token, special=False) and tokenizer.piece(token):
            flags[token] = True
    return flags
