"""Grammars as token masks, by llguidance: compiled once, then followed by each request.

A token counts as the text that it adds to the answer, so control tokens match no text in a
grammar, unless the request preserves them. What is wrong with a grammar, or too much for a step,
ends the request that has it. Answers to llama.cpp `common/llguidance.cpp`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from server.engine.allowed import WORD_BITS
from server.engine.allowed import Allowed
from server.engine.errors import BadGrammar
from server.engine.native import new_lock
from server.engine.sizes import check_size
from server.engine.tags import TagSearch
from server.engine.task import Constraint

if TYPE_CHECKING:
    from llguidance import LLMatcher
    from llguidance import LLParserLimits
    from llguidance import LLTokenizer

N_KEPT = 64
"""Compiled grammars that are kept for the next request that has the same."""

MAX_LEXER_STATES = 50_000
"""A kilobyte or two each, for each grammar that is kept."""

MakeTokenizer = Callable[[frozenset[int]], "LLTokenizer"]
"""llguidance's view of a vocabulary, in which these control tokens are text."""


class Compiled:
    """A grammar over a vocabulary. Any thread."""

    __slots__ = ("_lark", "_matcher", "_tokenizer")

    def __init__(self, lark: str, tokenizer: LLTokenizer) -> None:
        self._lark = lark
        self._tokenizer = tokenizer
        self._matcher = self._compile()

    def _compile(self) -> LLMatcher:
        from llguidance import LLMatcher

        matcher = LLMatcher(self._tokenizer, self._lark, log_level=0, limits=_limits())
        check(matcher)
        matcher.compute_bitmask()  # what is too much shows in the first step
        check(matcher)
        return matcher

    def matcher(self) -> LLMatcher:
        """A fresh one that shares what others have learnt of the grammar."""
        return self._matcher.deep_copy()

    def fresh_matcher(self) -> LLMatcher:
        """One that shares nothing, because what others have learnt is too much."""
        self._matcher = self._compile()
        return self.matcher()

    @property
    def tokenizer(self) -> LLTokenizer:
        """The vocabulary, as llguidance sees it."""
        return self._tokenizer


class Grammars:
    """Compiles constraints for one vocabulary. Any thread."""

    def __init__(self, make_tokenizer: MakeTokenizer) -> None:
        self._make_tokenizer = make_tokenizer
        self._tokenizers: dict[frozenset[int], LLTokenizer] = {}
        self._kept: OrderedDict[tuple[str, frozenset[int]], Compiled] = OrderedDict()
        self._lock = new_lock()
        self._tokenizers_lock = new_lock()

    def compile(self, constraint: Constraint, preserved: frozenset[int]) -> Constraint:
        """The constraint, ready to be followed; takes from a millisecond to many. BadGrammar.

        preserved: control tokens that the answer shows. Not for the engine thread.
        """
        if isinstance(constraint.compiled, Compiled):
            return constraint
        check_size(constraint.lark)
        key = (constraint.lark, preserved)
        with self._lock:
            compiled = self._kept.get(key)
        if compiled is None:
            compiled = Compiled(constraint.lark, self._tokenizer(preserved))
        with self._lock:
            self._kept[key] = compiled
            self._kept.move_to_end(key)
            if len(self._kept) > N_KEPT:
                self._kept.popitem(last=False)
        return replace(constraint, compiled=compiled)

    def _tokenizer(self, preserved: frozenset[int]) -> LLTokenizer:
        with self._tokenizers_lock:
            tokenizer = self._tokenizers.get(preserved)
            if tokenizer is None:
                tokenizer = self._tokenizers[preserved] = self._make_tokenizer(preserved)
        return tokenizer


class Guide:
    """One request's constraint: first free, then bound to the grammar. Engine thread only."""

    def __init__(
        self,
        constraint: Constraint,
        pieces: Sequence[bytes],
        eos: int,
        ends: frozenset[int] = frozenset(),
    ) -> None:
        """pieces: of every token, control tokens with their text. eos: a token that ends.

        ends: all that do.
        """
        assert isinstance(constraint.compiled, Compiled)
        self._compiled = constraint.compiled
        self._matcher = self._compiled.matcher()
        self._pieces = pieces
        self._eos = eos
        self.ends = ends
        self._tokens: list[int] = []
        """What the matcher was given, to give it to another."""
        self._bits = np.zeros(-(-len(pieces) // WORD_BITS), np.uint32)
        self._after = _search(constraint.after)
        self._triggers = _search(constraint.triggers)
        self.is_bound = self._after is None and self._triggers is None

    # free

    @property
    def must_follow(self) -> bool:
        """While free: whether the output may not end before it is bound."""
        return not self.is_bound and self._triggers is None

    def admits(self, token: int) -> bool:
        """While free: whether what a token has beyond the beginning of the grammar is allowed."""
        if self.must_follow and token in self.ends:
            return False
        begun = self._beginning(self._pieces[token], is_dry=True)
        if not begun:
            return True
        tokens = self._compiled.tokenizer.tokenize_bytes(begun)
        return self._matcher.validate_tokens(tokens) == len(tokens)

    def _beginning(self, piece: bytes, *, is_dry: bool) -> bytes | None:
        """What of the grammar a piece brings; None where it stays free."""
        after, triggers = self._after, self._triggers
        if after is not None:
            found = after.find(piece) if is_dry else after.push(piece)
            if found is None:
                return None
            piece = found.rest
            if not is_dry:
                self._after = None
            if triggers is None:
                return piece
        assert triggers is not None
        found = triggers.find(piece) if is_dry else triggers.push(piece)
        return None if found is None else found.tag + found.rest

    # bound

    def allowed(self) -> Allowed:
        """While bound: what may come next. BadGrammar; valid until the next call."""
        self._fill()
        if self._matcher.is_error():
            self._revive()
            self._fill()
        check(self._matcher)
        return Allowed(self._bits, len(self._pieces))

    def _fill(self) -> None:
        self._matcher.unsafe_compute_mask_ptr(self._bits.ctypes.data, self._bits.nbytes)

    def _revive(self) -> None:
        """What went wrong may come of other requests, with which the lexer's states are shared."""
        self._matcher = self._compiled.fresh_matcher()
        self._matcher.consume_tokens(self._tokens)

    def forced(self) -> list[int]:
        """While bound: tokens that must come next, as far as that can be known without a model.

        Nothing follows the token that ends.
        """
        if self._matcher.is_stopped():
            check(self._matcher)
            return [] if self._tokens[-1:] == [self._eos] else [self._eos]
        return self._matcher.compute_ff_tokens()

    def accept(self, token: int) -> None:
        """A token was chosen. BadGrammar where the grammar forbids it."""
        if self.is_bound:
            self._consume([token])
            return
        begun = self._beginning(self._pieces[token], is_dry=False)
        if begun is None:
            return
        self.is_bound = True
        if begun:
            self._consume(self._compiled.tokenizer.tokenize_bytes(begun))

    def can_accept(self, tokens: Sequence[int]) -> bool:
        """Whether all of these may come next, one after the other."""
        return not self.is_bound or self._matcher.validate_tokens([*tokens]) == len(tokens)

    def _consume(self, tokens: list[int]) -> None:
        is_over = self._matcher.is_stopped() and not self._matcher.is_error()
        self._tokens += tokens
        if is_over and tokens == [self._eos]:
            return  # to the matcher, which needs no end, it would be one token too many
        if self._matcher.consume_tokens(tokens):
            return
        if self._matcher.is_stopped() and not self._matcher.is_error():
            return  # it has ended already: another token that ends changes nothing
        self._revive()
        check(self._matcher)


def check(matcher: LLMatcher) -> None:
    """BadGrammar with llguidance's reason, if it gave up."""
    if matcher.is_error():
        raise BadGrammar(f"grammar: {first_line(matcher.get_error())}")


def first_line(error: str) -> str:
    """Of llguidance's reasons, what is for clients."""
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    line = lines[0] if lines else "it can't be followed"
    return "it can't be followed" if line.startswith("panic") else line[:500]


def _limits() -> LLParserLimits:
    from llguidance import LLParserLimits

    return LLParserLimits(max_lexer_states=MAX_LEXER_STATES, verbose_errors=False)


def _search(texts: Sequence[str]) -> TagSearch | None:
    tags = [text.encode() for text in texts if text]
    return TagSearch(tags) if tags else None
