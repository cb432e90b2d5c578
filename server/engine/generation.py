"""What one request has generated, and when that ends.

The rules are those of `process_token` in llama.cpp `tools/server/server-context.cpp`. It knows
neither model nor slot: tokens, pieces, times and whether the context is full are handed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.engine.task import StopType
from server.engine.task import TokenProb
from server.engine.text import Lines
from server.engine.text import TextStream

if TYPE_CHECKING:
    from server.engine.task import Task


class Generation:
    """One request's answer so far. Engine thread only."""

    def __init__(self, task: Task | None = None) -> None:
        """None: nothing was ever asked for."""
        self._task = task
        self.text = TextStream(task.stop) if task is not None else TextStream()
        self._lines = Lines(self.text)
        self.tokens: list[int] = []
        """Those of the answer, if the task wants them."""
        self.probs: list[TokenProb] = []
        self.n_decoded = 0
        self.t_first = 0.0
        """When the first token came, in the engine's seconds."""
        self.t_last = 0.0
        self.stop_type = StopType.NONE
        self.truncated = False
        """Whether something was lost for want of context."""
        self.has_new_line = False
        self.has_next_token = True

    @property
    def n_remaining(self) -> int:
        """Tokens that may still be generated; -1 = no limit."""
        if self._task is None or self._task.n_predict < 0:
            return -1
        return self._task.n_predict - self.n_decoded

    @property
    def duration_ms(self) -> float:
        """From the prompt's logits, with which the first token comes, to the last token."""
        # at least a microsecond, never 0: clients divide by it
        return max(1e-3, (self.t_last - self.t_first) * 1e3) if self.n_decoded else 0.0

    def accept(
        self,
        token: int,
        piece: bytes,
        now: float,
        *,
        is_eog: bool,
        is_full: bool,
        prob: TokenProb | None = None,
    ) -> bytes | None:
        """A token was sampled: what it releases of the text, None while a character is incomplete.

        prob: is added to `probs`, with the text released, unless that is None.
        is_full: the context takes no token after this one, and is not shifted.
        """
        assert self._task is not None
        self.n_decoded += 1
        if self.n_decoded == 1:
            self.t_first = now
        self.t_last = now
        if self._task.return_tokens:
            self.tokens.append(token)
        released = self.text.push(piece, is_eog=is_eog)
        if released is not None and prob is not None:
            self.probs.append(TokenProb(prob.id, released, prob.p, prob.top))
        self._check_limits(self._task, released or b"", is_eog=is_eog, is_full=is_full)
        return released

    def stop(self, stop_type: StopType, *, truncated: bool = False) -> None:
        """End after the current token. truncated: for want of context."""
        self.stop_type = stop_type
        self.has_next_token = False
        self.truncated |= truncated

    def _check_limits(self, task: Task, released: bytes, *, is_eog: bool, is_full: bool) -> None:
        """The reference's order: word, context, count, indentation, time, end of generation."""
        if self.text.stopping_word:
            self.stop(StopType.WORD)
        if is_full:
            self.stop(StopType.LIMIT, truncated=True)
        if self.has_next_token and self.n_decoded == task.n_predict:
            self.stop(StopType.LIMIT)
        if self.has_new_line and task.n_indent > 0 and self._lines.drop_outdented(task.n_indent):
            self.stop(StopType.LIMIT)
        if b"\n" in released:
            self.has_new_line = True
            limit_ms = task.t_max_predict_ms
            if limit_ms > 0 and (self.t_last - self.t_first) * 1e3 > limit_ms:
                self.stop(StopType.LIMIT)
        if is_eog:
            self.stop(StopType.EOS)
