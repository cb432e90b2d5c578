"""Prompt states in host memory: what leaves the KV cache can come back without being computed.

Entries are whole sequences (tokens and the runner's opaque state), found by the longest prefix,
bounded by bytes, forgotten least recently used first. However many there are, few of them are
looked at (`prefix_index`). It knows no slots and no model. Answers to
`server_prompt_cache` of llama.cpp `tools/server/server-task.h`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

from server.engine.checkpoints import Checkpoints
from server.engine.checkpoints import State as State
from server.engine.checkpoints import latest
from server.engine.checkpoints import merged
from server.engine.checkpoints import n_bytes
from server.engine.prefix_index import PrefixIndex
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
    def n_own_bytes(self) -> int:
        """Host memory that it takes besides its checkpoints, which others may have too."""
        return self.state.nbytes + self.tokens.nbytes

    def usable(self, n_tokens: int) -> int:
        """How many tokens can be had of it when at most n_tokens, its leading ones, are wanted."""
        if n_tokens >= self.floor:
            return n_tokens
        checkpoint = latest(self.checkpoints, n_tokens)
        return checkpoint.n_tokens if checkpoint is not None else 0

    def continuing(self, origins: set[int], checkpoints: Checkpoints) -> Entry:
        """The same entry, with what was kept of its beginnings."""
        own = self.checkpoints
        return replace(self, origins=self.origins | origins, checkpoints=merged(own, checkpoints))


class HostCache:
    """At most limit_bytes of saved sequences; None = no limit, 0 = keep nothing.

    elsewhere: checkpoints outside of it that count against the limit as well.
    """

    def __init__(
        self,
        limit_bytes: int | None,
        elsewhere: Callable[[], Seq[Checkpoints]] = tuple,
    ) -> None:
        self.limit = limit_bytes
        self._elsewhere = elsewhere
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._next_key = 0
        self._n_own_bytes = 0
        self._indexes: dict[tuple[str, int], dict[Scope, PrefixIndex]] = {}
        """By what no two that share differ in, then by scope."""
        self._with_checkpoints: dict[int, Entry] = {}
        self._floored: set[int] = set()
        """Entries of which less may be usable than they share: another one may be better."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_enabled(self) -> bool:
        """Whether anything can be kept."""
        return self.limit != 0

    @property
    def n_bytes(self) -> int:
        """What counts against the limit."""
        return self._n_own_bytes + self._n_checkpoint_bytes(self._with_checkpoints.values())

    def _n_checkpoint_bytes(self, entries: Iterable[Entry]) -> int:
        return n_bytes([*(entry.checkpoints for entry in entries), *self._elsewhere()])

    def covers(self, tokens: Tokens, scope: Scope) -> Entry | None:
        """An entry that begins with all of tokens, so that saving them adds nothing."""
        for _, entry in self._alike(tokens, scope):
            n = entry.usable(common_prefix(entry.tokens, tokens))
            if scope.n_common(entry.scope) >= len(tokens) == n:
                return entry
        return None

    def fits(self, n_own_bytes: int, checkpoints: Checkpoints = ()) -> bool:
        """Whether an entry like that can be kept, if all others go."""
        if self.limit is None:
            return True
        n_held = n_bytes([checkpoints, *self._elsewhere()])
        return n_own_bytes + n_held <= self.limit

    def has_room(self, n_own_bytes: int) -> bool:
        """Whether so many bytes are within the limit beside all that is kept."""
        return self.limit is None or self.n_bytes + n_own_bytes <= self.limit

    def make_room(self, n_own_bytes: int = 0) -> None:
        """Forget the least recently used entries until so many bytes are within the limit."""
        while self._entries and not self.has_room(n_own_bytes):
            self._drop(next(iter(self._entries)))

    def absorb(self, tokens: Tokens, scope: Scope) -> tuple[set[int], Checkpoints]:
        """Drop the entries that tokens continue; where these came from, and their checkpoints."""
        origins: set[int] = set()
        checkpoints: Checkpoints = ()
        keys = [key for index in self._indexes_for(scope) for key in index.within(tokens)]
        for key in keys:
            old = self._entries[key]
            n = common_prefix(old.tokens, tokens)
            if scope.n_common(old.scope) >= n == len(old.tokens):
                origins |= old.origins
                checkpoints = merged(old.checkpoints, checkpoints)
                self._drop(key)
        return origins, checkpoints

    def put(self, entry: Entry) -> None:
        """Keep a sequence; entries that it continues are dropped, old ones make room.

        One that is larger than the cache is not kept, and nobody goes for it.
        """
        if not self.fits(entry.n_own_bytes, entry.checkpoints):
            return
        self._insert(entry.continuing(*self.absorb(entry.tokens, entry.scope)))

    def _insert(self, entry: Entry) -> None:
        key = self._next_key
        self._entries[key] = entry
        self._next_key += 1
        self._n_own_bytes += entry.n_own_bytes
        if entry.checkpoints:
            self._with_checkpoints[key] = entry
        if entry.floor:
            self._floored.add(key)
        indexes = self._indexes.setdefault(_party(entry.scope), {})
        indexes.setdefault(entry.scope, PrefixIndex()).add(key, entry.tokens)
        self.make_room()

    def _indexes_for(self, scope: Scope) -> list[PrefixIndex]:
        """Where entries may be that share anything with a sequence of this scope."""
        indexes = self._indexes.get(_party(scope), {})
        return [index for other, index in indexes.items() if scope.n_common(other) > 0]

    def _alike(self, tokens: Tokens, scope: Scope) -> Iterable[tuple[int, Entry]]:
        """Those that may share the most with tokens; all, where that does not make the best."""
        if self._floored:
            return self._entries.items()
        keys = [key for index in self._indexes_for(scope) for key in index.alike(tokens)]
        return [(key, self._entries[key]) for key in keys]

    def best(
        self, prompt: Tokens, scope: Scope, n_max: int, *, slot_id: int | None = None
    ) -> tuple[int, Entry] | None:
        """The entry that shares the longest prefix with prompt in scope, and that length.

        At most n_max tokens count. slot_id: only what came from that slot counts. The entry stays:
        several requests may begin from it.
        """
        best_n, best_key = 0, -1
        is_pinned = slot_id is not None
        for key, entry in self._entries.items() if is_pinned else self._alike(prompt, scope):
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
        entry = self._entries.pop(key)
        self._n_own_bytes -= entry.n_own_bytes
        self._with_checkpoints.pop(key, None)
        self._floored.discard(key)
        party = _party(entry.scope)
        index = self._indexes[party][entry.scope]
        index.remove(key, entry.tokens)
        if not index:
            del self._indexes[party][entry.scope]
        if not self._indexes[party]:
            del self._indexes[party]


def _party(scope: Scope) -> tuple[str, int]:
    return scope.salt, scope.owner
