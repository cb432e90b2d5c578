"""The tokens that one KV sequence holds, in order of their positions, and the cells behind them.

A mirror of the memory, kept by the engine: position i holds token i in cell i. It knows no model.
Growth and comparison are array operations, so a long prompt costs no Python loop. Only `memory`
changes a sequence, together with the cells and the runner.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.engine.cells import CellIds
from server.engine.checkpoints import Checkpoints
from server.engine.task import Adapters
from server.engine.task import Tokens

INITIAL_CAPACITY = 256
NO_SLOT = -1
NO_LIMIT = 1 << 31
ANYBODY = -1


class Scope(NamedTuple):
    """What must be equal for two requests to share a prefix."""

    salt: str = ""
    adapters: Adapters = ()
    """LoRA adapters change what a token's cell holds."""
    n_bare: int = 0
    """Leading tokens that are computed without the adapters, which act from there on (aLoRA)."""
    owner: int = ANYBODY
    """The only request, by its first task, that may share; ANYBODY = all may."""

    def adapters_at(self, pos: int) -> Adapters:
        """What the token at a position is computed with."""
        return self.adapters if pos >= self.n_bare else ()

    def n_common(self, other: Scope) -> int:
        """Leading tokens whose cells hold the same in both scopes, if the tokens are equal."""
        if self == other:
            return NO_LIMIT
        if self.salt != other.salt or self.owner != other.owner:
            return 0
        return min(scope.n_bare if scope.adapters else NO_LIMIT for scope in (self, other))

    def without(self, start: int, end: int) -> Scope:
        """The scope of what is left when positions [start, end) are removed."""
        return self._replace(n_bare=self.n_bare - max(0, min(end, self.n_bare) - start))


class Chunk(NamedTuple):
    """n tokens at position source that are wanted at position target."""

    source: int
    target: int
    n: int


def common_prefix(a: Tokens, b: Tokens) -> int:
    """How many leading tokens two arrays share."""
    n = min(len(a), len(b))
    if n == 0 or a[0] != b[0]:
        return 0
    differs = a[:n] != b[:n]
    first = int(differs.argmax())
    return first if differs[first] else n


class Sequence:
    """Tokens under one seq_id. `tokens` and `cells` are views, valid until the next change."""

    __slots__ = (
        "_cells",
        "_tokens",
        "checkpoints",
        "id",
        "is_live",
        "last_used",
        "n_tokens",
        "origin",
        "parked",
        "scope",
    )

    def __init__(self, seq_id: int, scope: Scope = Scope()) -> None:  # noqa: B008
        self.id = seq_id
        self.scope = scope
        self.n_tokens = 0
        self.checkpoints: Checkpoints = ()
        """Of its leading tokens."""
        self.is_live = False
        """Whether a running request writes to it."""
        self.last_used = 0.0
        self.origin = NO_SLOT
        """The slot that computed it, or took it over, last."""
        self.parked: Tokens | None = None
        """What it held before that went to the host cache and nothing came after it."""
        self._tokens = np.empty(INITIAL_CAPACITY, np.int32)
        self._cells = np.empty(INITIAL_CAPACITY, np.int32)

    @property
    def is_private(self) -> bool:
        """Whether no other request may take its prefix."""
        return self.scope.owner != ANYBODY

    @property
    def tokens(self) -> Tokens:
        """(n_tokens,) int32."""
        return self._tokens[: self.n_tokens]

    @property
    def cells(self) -> CellIds:
        """(n_tokens,) int32."""
        return self._cells[: self.n_tokens]

    def append(self, token: int, cell: int) -> None:
        """Add one token at position n_tokens."""
        if self.n_tokens == len(self._tokens):
            self._reserve(self.n_tokens + 1)
        self._tokens[self.n_tokens] = token
        self._cells[self.n_tokens] = cell
        self.n_tokens += 1

    def extend(self, tokens: Tokens, cells: CellIds) -> None:
        """Add tokens, (n,) int32, from position n_tokens on, each in the cell of its index."""
        end = self.n_tokens + len(tokens)
        if end > len(self._tokens):
            self._reserve(end)
        self._tokens[self.n_tokens : end] = tokens
        self._cells[self.n_tokens : end] = cells
        self.n_tokens = end

    def remove(self, start: int, end: int) -> None:
        """Forget positions [start, end); what follows moves down."""
        kept = self.n_tokens - (end - start)
        self._tokens[start:kept] = self._tokens[end : self.n_tokens].copy()
        self._cells[start:kept] = self._cells[end : self.n_tokens].copy()
        self.n_tokens = kept

    def keep(self, indices: NDArray[np.intp]) -> None:
        """Forget all but these positions, which become 0, 1, 2, ..."""
        self._tokens[: len(indices)] = self._tokens[indices]
        self._cells[: len(indices)] = self._cells[indices]
        self.n_tokens = len(indices)

    def common_prefix(self, tokens: Tokens) -> int:
        """How many leading tokens this sequence shares with tokens."""
        return common_prefix(self.tokens, tokens)

    def _reserve(self, n_tokens: int) -> None:
        n = max(n_tokens, 2 * len(self._tokens))
        self._tokens = np.resize(self._tokens, n)
        self._cells = np.resize(self._cells, n)
