"""One request's state machine: idle -> wait -> prefill -> decode -> idle.

A slot has a sequence of tokens, which outlives the request; of the running request it has what
the sequence is to hold, and what was generated so far (generation.py). It knows no model: tokens,
pieces and times are handed in.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from server.engine.generation import Generation
from server.engine.sequence import Scope
from server.engine.sequence import Sequence
from server.engine.snapshot import Divergence
from server.engine.snapshot import SlotSnapshot
from server.engine.task import Adapters
from server.engine.task import Finished
from server.engine.task import Progress
from server.engine.task import Task
from server.engine.task import Timings
from server.engine.task import Token
from server.engine.task import TokenProb
from server.engine.task import Tokens

if TYPE_CHECKING:
    from server.engine.runner import Sampler

NO_TASK = -1
MANY = 1 << 31


class SlotState(Enum):
    """Where a slot's request is."""

    IDLE = "idle"
    WAIT = "wait"
    """Its prefix is not chosen yet; another request may be computing it."""
    PREFILL = "prefill"
    DECODE = "decode"
    PREEMPTED = "preempted"
    """It gave its cells up and waits for room."""


NO_TOKENS: Tokens = np.empty(0, np.int32)


class Slot:
    """A place for one running request. Engine thread only."""

    def __init__(self, slot_id: int, n_ctx: int, sequence: Sequence, *, shifts: bool) -> None:
        self.id = slot_id
        self.n_ctx = n_ctx
        self.shifts = shifts
        """Whether a full context is shifted; otherwise it ends the generation."""
        self.sequence = sequence
        self.state = SlotState.IDLE
        self.last_used = 0.0
        self.task: Task | None = None
        self.sampler: Sampler | None = None
        self.i_batch = -1
        """Output row of this slot in the batch that was decoded last; -1 = none."""
        self._reset()

    def _reset(self) -> None:
        self.target = NO_TOKENS
        """What the sequence is to hold before decoding goes on, (n,) int32."""
        self.breaks: tuple[int, ...] = ()
        """Places in the target, ascending, at which a checkpoint is wanted."""
        self.wants_logits = True
        """Whether the logits of the target's end are wanted; not after a preemption."""
        self.awaits: tuple[Slot, int, int] | None = None
        """Slot and task id whose prefill this one waits for, and up to how many tokens."""
        self.scope = Scope()
        self.divergence: Divergence | None = None
        self.generation = Generation()
        self.is_guided = False
        """Whether some tokens may follow without being sampled."""
        self._has_history = False
        """Whether the sampler has seen the end of the prompt."""
        self.pending: list[int] = []
        """Tokens that were accepted and are not yet in the sequence, at most one of them sampled.

        After the batch that computes them they stay until the next token is accepted.
        """
        self.made_way_at: float | None = None
        """When it gave up its cells for others that waited; None: they were taken from it."""
        self._n_decoded_before = 0
        """What was generated before it had its sequence."""
        self.has_begun = False
        """Whether it ever had a sequence; a preempted one has none and begins no second time."""
        self.n_cached = 0
        self.n_processed = 0
        self.t_submitted = 0.0
        self._t_start = self._t_prompt = 0.0

    # state

    @property
    def is_busy(self) -> bool:
        """Whether a request runs here."""
        return self.state is not SlotState.IDLE

    @property
    def task_id(self) -> int:
        """The running (or last) task's id, NO_TASK before the first."""
        return self.task.id if self.task is not None else NO_TASK

    @property
    def n_prefill_left(self) -> int:
        """Tokens of the target that are not yet in the sequence."""
        return len(self.target) - self.sequence.n_tokens

    @property
    def n_prefill_next(self) -> int:
        """Those of them that may be computed together: with the same adapters, to a checkpoint."""
        n_held = self.sequence.n_tokens
        ends = (self.scope.n_bare, *self.breaks) if self.breaks else (self.scope.n_bare,)
        return min(self.n_prefill_left, *(end - n_held for end in ends if end > n_held), MANY)

    @property
    def adapters(self) -> Adapters:
        """What the next token is computed with."""
        return self.scope.adapters_at(self.sequence.n_tokens)

    def is_sibling(self, other: Slot) -> bool:
        """Whether both compute completions of one prompt of one request."""
        mine, theirs = self.task, other.task
        return bool(mine and theirs and mine.first == theirs.first >= 0)

    def waited_s(self, now: float) -> float:
        """Seconds since the prefill could have begun."""
        return now - self._t_start

    @property
    def is_full(self) -> bool:
        """Whether the context has no room for a token after those that are pending."""
        return self.n_room <= 0

    @property
    def n_room(self) -> int:
        """How many more tokens the context takes after those that are pending."""
        return self.n_ctx - self.sequence.n_tokens - len(self.pending)

    @property
    def n_decoded_since(self) -> int:
        """Tokens that were generated since it has had its sequence."""
        return self.generation.n_decoded - self._n_decoded_before

    @property
    def must_shift(self) -> bool:
        """Whether its context has to be shifted before it decodes."""
        return self.shifts and self.state is SlotState.DECODE and self.is_full

    @property
    def timings(self) -> Timings:
        """Counts and durations so far."""
        generation = self.generation
        t_prompt = generation.t_first if generation.n_decoded else self._t_prompt
        return Timings(
            self.n_cached,
            self.n_processed,
            max(0.0, t_prompt - self._t_start) * 1e3,
            generation.n_decoded,
            generation.duration_ms,
        )

    def snapshot(self, *, with_text: bool) -> SlotSnapshot:
        """What /slots shows."""
        generation = self.generation
        return SlotSnapshot(
            self.id,
            self.n_ctx,
            self.is_busy,
            self.task,
            self.sequence.n_tokens,
            generation.has_next_token and self.is_busy,
            generation.has_new_line,
            generation.n_remaining,
            self.timings,
            self.divergence,
            generation.text.text() if with_text else "",
            tuple(checkpoint.n_tokens for checkpoint in self.sequence.checkpoints),
        )

    # transitions

    def start(
        self, task: Task, sampler: Sampler, scope: Scope, now: float, breaks: tuple[int, ...] = ()
    ) -> None:
        """Idle -> wait."""
        self._reset()
        self.task = task
        self.sampler = sampler
        self.is_guided = task.sampling.is_guided
        self.scope = scope
        self.target = task.prompt
        self.breaks = breaks
        self.generation = Generation(task)
        self.t_submitted = now if task.t_submitted is None else task.t_submitted
        self._t_start = self._t_prompt = now
        self.state = SlotState.WAIT

    def bind(self, sequence: Sequence, divergence: Divergence | None, now: float) -> None:
        """Wait -> prefill (or decode, when nothing is left of a resumed one's target)."""
        self.sequence = sequence
        sequence.is_live = True
        sequence.origin = self.id
        sequence.parked = None
        self.made_way_at = None
        self._n_decoded_before = self.generation.n_decoded
        self.awaits = None
        self.state = SlotState.PREFILL
        if self.wants_logits:
            # what it had computed before it was preempted is not cached
            n_held = sequence.n_tokens
            self.n_processed = min(self.n_processed, max(0, n_held - self.n_cached))
            self.n_cached = n_held - self.n_processed
        elif not self.n_prefill_left:
            self.state = SlotState.DECODE
        if not self.has_begun:
            self.divergence = divergence
            self._t_start = self._t_prompt = now
            self.has_begun = True

    def prefilled(self, n_tokens: int, now: float) -> None:
        """A chunk of the target was decoded."""
        if self.wants_logits:
            self.n_processed += n_tokens
            self._t_prompt = now
        if not self.n_prefill_left:
            self.state = SlotState.DECODE

    def show_history(self, n_tokens: int) -> None:
        """Let the sampler see the prompt's end, once however often that is computed."""
        assert self.task is not None
        prompt = self.task.prompt
        n = min(n_tokens, len(prompt))
        if n and self.sampler is not None and not self._has_history:
            self.sampler.accept(prompt[len(prompt) - n :])
            self._has_history = True

    def preempt(self, held: Tokens | None = None, *, made_way_at: float | None = None) -> None:
        """Prefill or decode -> preempted: what it holds becomes its target; nothing is lost.

        held: what that is, if the sequence has lost it.
        """
        self.made_way_at = made_way_at
        if self.state is SlotState.DECODE:
            self.target = self.sequence.tokens.copy() if held is None else held
            self.wants_logits = False
        self.state = SlotState.PREEMPTED
        self.sequence.is_live = False

    def retry(self) -> None:
        """Prefill or decode -> preempted, so that the logits of the last row come once more."""
        # one that resumes has its target already, and its sequence only a part of that
        if self.generation.n_decoded and self.state is SlotState.DECODE:
            self.target = self.sequence.tokens[: -len(self.pending)].copy()
            self.wants_logits = False
        self.state = SlotState.PREEMPTED
        self.sequence.is_live = False

    def resume(self) -> None:
        """Preempted -> wait."""
        self.state = SlotState.WAIT

    def accept(
        self,
        token: int,
        piece: bytes,
        now: float,
        *,
        is_eog: bool,
        prob: TokenProb | None = None,
        is_forced: bool = False,
    ) -> Token | None:
        """A token was sampled: the event for a streaming task, unless a character is incomplete.

        is_forced: it follows the one before without a batch between them.
        """
        assert self.task is not None
        if not is_forced:
            self.pending.clear()
        self.pending.append(token)
        is_full = not self.shifts and self.is_full
        released = self.generation.accept(
            token, piece, now, is_eog=is_eog, is_full=is_full, prob=prob
        )
        if released is None or not self.task.stream:
            return None
        shown = self.generation.probs[-1] if prob is not None else None
        text = released.decode("utf-8", "replace")
        return Token(self.task.id, text, token, self.timings, shown)

    def release(self, now: float) -> None:
        """Any state -> idle; the sequence stays."""
        self.state = SlotState.IDLE
        self.awaits = None
        self.sequence.is_live = False
        self.last_used = self.sequence.last_used = now
        self.i_batch = -1
        if self.sampler is not None:
            self.sampler.close()
            self.sampler = None

    # events

    def progress(self, now: float) -> Progress:
        """How far the prefill is."""
        assert self.task is not None
        return Progress(
            self.task_id,
            len(self.task.prompt),
            self.n_cached,
            self.sequence.n_tokens,
            int((now - self._t_start) * 1e3),
            self.timings,
        )

    def finished(self) -> Finished:
        """The last event of a task that ended by itself."""
        assert self.task is not None
        generation = self.generation
        held = generation.text.flush()
        is_stream = self.task.stream
        return Finished(
            self.task.id,
            held.decode("utf-8", "replace") if is_stream else generation.text.text(),
            () if is_stream else tuple(generation.tokens),
            tuple(generation.probs),
            generation.stop_type,
            generation.text.stopping_word,
            generation.truncated,
            generation.has_new_line,
            len(self.task.prompt),
            self.sequence.n_tokens,
            self.id,
            self.timings,
        )
