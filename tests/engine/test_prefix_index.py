from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from server.engine.host_cache import Entry
from server.engine.host_cache import HostCache
from server.engine.prefix_index import MOST
from server.engine.prefix_index import STEP
from server.engine.prefix_index import PrefixIndex
from server.engine.sequence import Scope
from server.engine.sequence import common_prefix
from server.engine.task import Tokens

RNG = np.random.default_rng(1)


def tokens_of(numbers: list[int]) -> Tokens:
    return np.array(numbers, np.int32)


texts = st.lists(st.integers(0, 1), min_size=1, max_size=40).map(tokens_of)
"""Of two tokens, so that many begin alike."""


@given(held=st.lists(texts, max_size=MOST), gone=st.sets(st.integers(0, MOST)), asked=texts)
def test_the_best_is_among_those_named(held: list[Tokens], gone: set[int], asked: Tokens) -> None:
    index = PrefixIndex()
    for key, tokens in enumerate(held):
        index.add(key, tokens)
    left = {key: tokens for key, tokens in enumerate(held) if key not in gone}
    for key in gone & set(range(len(held))):
        index.remove(key, held[key])
    shared = {key: common_prefix(tokens, asked) for key, tokens in left.items()}
    named = index.alike(asked)
    assert max((shared[key] for key in named), default=0) == max(shared.values(), default=0)
    beginnings = {key for key, n in shared.items() if n == len(left[key])}
    assert beginnings <= set(index.within(asked)) <= set(left)
    assert bool(index) == bool(left)


def test_of_many_that_share_a_beginning_few_are_named_and_little_is_lost() -> None:
    index, start = PrefixIndex(), RNG.integers(0, 1000, 500).astype(np.int32)
    held = [np.append(start, RNG.integers(0, 1000, 50)).astype(np.int32) for _ in range(1000)]
    for key, tokens in enumerate(held):
        index.add(key, tokens)
    asked = np.append(start, RNG.integers(0, 1000, 50)).astype(np.int32)
    named = index.alike(asked)
    assert len(named) == MOST
    best = max(common_prefix(tokens, asked) for tokens in held)
    assert max(common_prefix(held[key], asked) for key in named) > best - STEP
    assert index.alike(held[7]) == [7]


@given(
    held=st.lists(st.tuples(texts, st.sampled_from("ab"), st.integers(0, 3)), max_size=30),
    asked=texts,
    salt=st.sampled_from("ab"),
    n_bare=st.integers(0, 3),
)
def test_the_cache_finds_the_same_as_one_that_looks_at_all(
    held: list[tuple[Tokens, str, int]], asked: Tokens, salt: str, n_bare: int
) -> None:
    cache, scope = HostCache(None), Scope(salt, ((0, 1.0),) if n_bare else (), n_bare)
    entries: list[Entry] = []
    for tokens, its_salt, its_bare in held:
        its = Scope(its_salt, ((0, 0.5),) if its_bare else (), its_bare)
        continued = [
            e
            for e in entries
            if its.n_common(e.scope) >= common_prefix(e.tokens, tokens) == len(e.tokens)
        ]
        entries = [e for e in entries if all(e is not other for other in continued)]
        entries.append(Entry(tokens, np.zeros(8, np.uint8), its, {0}))
        cache.put(entries[-1])
    assert len(cache) == len(entries)
    shares = [
        min(common_prefix(e.tokens, asked), scope.n_common(e.scope), len(asked)) for e in entries
    ]
    best = cache.best(asked, scope, len(asked))
    assert (best[0] if best else 0) == max(shares, default=0)
    covering = [n == len(asked) for n in shares]
    assert (cache.covers(asked, scope) is not None) == any(covering)
    cache.forget(0)
    assert len(cache) == 0 and cache.n_bytes == 0 and cache.best(asked, scope, 99) is None
