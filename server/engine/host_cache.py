"""Prompt states in host memory: what leaves the KV cache can come back without being computed.

Entries are whole sequences (tokens and the runner's opaque state), found by the longest prefix,
bounded by bytes, forgotten least recently used first. It knows no slots and no model. Answers to
`server_prompt_cache` of llama.cpp `tools/server/server-task.h`.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

from server.engine.checkpoints import Checkpoints
from server.engine.checkpoints import State as State
from server.engine.checkpoints import latest
from server.engine.checkpoints import merged
from server.engine.checkpoints import n_bytes
from server.engine.sequence import Scope
from server.engine.sequence import common_prefix
from server.engine.task import Tokens


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A sequence that was saved. tokens: (n,) int32; state is the runner's own."""

    tokens: Tokens
    state: State
    scope: Scope
    origins: set[int] = field(default_factory=set)
    """The slots that it came from: what they held may be found in here."""
    floor: int = 0
    """So few tokens can be kept of it without a checkpoint; len(tokens): only all of them."""
    checkpoints: Checkpoints = ()

    @property
    def n_bytes(self) -> int:
        """Host memory that it takes."""
        return self.state.nbytes + self.tokens.nbytes + n_bytes([self.checkpoints])

    def usable(self, n_tokens: int) -> int:
        """How many tokens can be had of it when at most n_tokens, its leading ones, are wanted."""
        if n_tokens >= self.floor:
            return n_tokens
        checkpoint = latest(self.checkpoints, n_tokens)
        return checkpoint.n_tokens if checkpoint is not None else 0


class HostCache:
    """At most limit_bytes of saved sequences; None = no limit, 0 = keep nothing."""

    def __init__(self, limit_bytes: int | None) -> None:
        self.limit = limit_bytes
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._next_key = 0
        self.n_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_enabled(self) -> bool:
        """Whether anything can be kept."""
        return self.limit != 0

    def covers(self, tokens: Tokens, scope: Scope) -> Entry | None:
        """An entry that begins with all of tokens, so that saving them adds nothing."""
        for entry in self._entries.values():
            n = entry.usable(common_prefix(entry.tokens, tokens))
            if scope.n_common(entry.scope) >= len(tokens) == n:
                return entry
        return None

    def put(self, entry: Entry) -> None:
        """Keep a sequence; entries that it continues are dropped, old ones make room."""
        for key, old in list(self._entries.items()):
            n = common_prefix(old.tokens, entry.tokens)
            if entry.scope.n_common(old.scope) >= n == len(old.tokens):
                checkpoints = merged(entry.checkpoints, old.checkpoints)
                origins = entry.origins | old.origins
                entry = replace(entry, origins=origins, checkpoints=checkpoints)
                self._drop(key)
        self._entries[self._next_key] = entry
        self._next_key += 1
        self.n_bytes += entry.n_bytes
        while self.limit is not None and self.n_bytes > self.limit:
            self._drop(next(iter(self._entries)))

    def best(
        self, prompt: Tokens, scope: Scope, n_max: int, *, slot_id: int | None = None
    ) -> tuple[int, Entry] | None:
        """The entry that shares the longest prefix with prompt in scope, and that length.

        At most n_max tokens count. slot_id: only what came from that slot counts. The entry stays:
        several requests may begin from it.
        """
        best_n, best_key = 0, -1
        for key, entry in self._entries.items():
            if slot_id is not None and slot_id not in entry.origins:
                continue
            n = min(common_prefix(entry.tokens, prompt), n_max, scope.n_common(entry.scope))
            if n > best_n and (n := entry.usable(n)) > best_n:
                best_n, best_key = n, key
        if best_key < 0:
            return None
        self._entries.move_to_end(best_key)
        return best_n, self._entries[best_key]

    def forget(self, slot_id: int) -> None:
        """Drop what came from this slot alone."""
        for key, entry in list(self._entries.items()):
            if slot_id in entry.origins:
                entry.origins.discard(slot_id)
                if not entry.origins:
                    self._drop(key)

    def _drop(self, key: int) -> None:
        self.n_bytes -= self._entries.pop(key).n_bytes
