"""Samplers and chains of them. llama.h: Sampling API; samplers.py makes the samplers

A sampler added to a chain is consumed: the chain frees it. Calls that would abort the process (no
selecting sampler, a token that a grammar forbids, a row without logits) raise instead. Knows no
request and no default.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from typing import Any

from llama_ctypes import runtime
from llama_ctypes.candidates import TokenDataArray
from llama_ctypes.ctype import NULL
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import ref
from llama_ctypes.errors import GrammarError
from llama_ctypes.errors import NotANumber
from llama_ctypes.errors import SamplerError
from llama_ctypes.errors import TokenError
from llama_ctypes.handle import Handle
from llama_ctypes.raw import context as raw_context
from llama_ctypes.raw import model as raw_model
from llama_ctypes.raw import perf as raw_perf
from llama_ctypes.raw import sampler as raw
from llama_ctypes.raw.enums import LLAMA_TOKEN_NULL
from llama_ctypes.raw.perf import llama_perf_sampler_data
from llama_ctypes.raw.sampler_i import llama_sampler
from llama_ctypes.raw.types import llama_context

if TYPE_CHECKING:
    from llama_ctypes.context import Context

__all__ = ["Sampler", "SamplerChain", "TokenDataArray"]

NAN = "the logits of the row are NaN: the model or its state is damaged"


class Sampler(Handle[llama_sampler]):
    """Owner of one C sampler. `selects`: it chooses a token, so a chain can end with it."""

    noun = "sampler"

    def __init__(
        self,
        pointer: Ptr[llama_sampler],
        *parents: Handle[Any],
        selects: bool = False,
        n_grammar_vocab: int = 0,
    ) -> None:
        """Take over `pointer`. `n_grammar_vocab`: it is a grammar over that many tokens."""
        super().__init__(pointer, *parents)
        self.selects = selects
        self.n_grammar_vocab = n_grammar_vocab

    @property
    def name(self) -> str:
        """libllama's name for it; a "?" before it says that its parameters make it do nothing."""
        return (raw.llama_sampler_name(self.ptr) or b"").decode()

    @property
    def seed(self) -> int:
        """The seed in use, LLAMA_DEFAULT_SEED for a sampler without one."""
        return raw.llama_sampler_get_seed(self.ptr)

    def apply(self, candidates: TokenDataArray) -> None:
        """Change the candidates, perhaps select one."""
        raw.llama_sampler_apply(self.ptr, ref(candidates.c))

    def accept(self, token: int) -> None:
        """Learn which token was chosen. GrammarError: this grammar forbids it here."""
        _check_token(token)
        if self.n_grammar_vocab:
            _check_allowed(self.ptr, token, self.n_grammar_vocab)
        raw.llama_sampler_accept(self.ptr, token)

    def reset(self) -> None:
        """Forget all accepted tokens and start the random numbers again."""
        raw.llama_sampler_reset(self.ptr)

    def clone(self) -> Sampler:
        """An independent copy with its state."""
        return Sampler(
            raw.llama_sampler_clone(self.ptr),
            *self._parents,
            selects=self.selects,
            n_grammar_vocab=self.n_grammar_vocab,
        )

    def _dispose(self, pointer: Ptr[llama_sampler]) -> None:
        raw.llama_sampler_free(pointer)


class SamplerChain(Handle[llama_sampler]):
    """Owner of a chain and of all samplers in it. Not thread-safe."""

    noun = "sampler chain"

    def __init__(self, no_perf: bool = True, *, _copy_of: SamplerChain | None = None) -> None:
        """An empty chain; `no_perf=False` measures it."""
        runtime.start()
        self._members: list[tuple[bool, int]] = []  # (selects, n_grammar_vocab) of each
        self._offloaded: tuple[Context, int] | None = None
        if _copy_of is not None:
            super().__init__(raw.llama_sampler_clone(_copy_of.ptr), *_copy_of._parents)
            self._members = list(_copy_of._members)
        else:
            params = raw_model.llama_sampler_chain_default_params()
            params.no_perf = no_perf
            super().__init__(raw.llama_sampler_chain_init(params))
        self._refresh()

    def add(self, sampler: Sampler) -> SamplerChain:
        """Append `sampler`, which is dead afterwards; returns the chain, for one more `add`."""
        chain, parents = self.ptr, list(sampler._parents)
        raw.llama_sampler_chain_add(chain, sampler._consume())
        for parent in parents:
            self._add_parent(parent)
        self._members.append((sampler.selects, sampler.n_grammar_vocab))
        self._refresh()
        return self

    def remove(self, i: int) -> Sampler:
        """Take sampler `i` out of the chain."""
        if not 0 <= i < len(self._members):
            raise SamplerError(f"the chain has no sampler {i}: it has {len(self._members)}")
        pointer = raw.llama_sampler_chain_remove(self.ptr, i)
        selects, n_grammar_vocab = self._members.pop(i)
        self._refresh()
        return Sampler(pointer, *self._parents, selects=selects, n_grammar_vocab=n_grammar_vocab)

    def sample(self, context: Context, i: int) -> int:
        """Sample from batch row `i` of the last decode (-1: its last output), accept, return it.

        SamplerError: no sampler selects, or the row has no logits. NotANumber: they are NaN.
        GrammarError: all is forbidden.
        """
        ctx = context.ptr
        if not self._selects:
            raise SamplerError(
                "no sampler of the chain selects a token; end it with dist or greedy"
            )
        if self._offloaded is not None and _has_device_result(ctx, i):
            return raw.llama_sampler_sample(self.ptr, ctx, i)
        # llama_sampler_sample aborts the process where this is NULL.
        logits = raw_context.llama_get_logits_ith(ctx, i)
        if not logits:
            raise SamplerError(f"row {i} of the last batch has no logits; add it with output=True")
        # most often all are NaN or none: then the chain does not get to see them
        if logits[0] != logits[0]:
            raise NotANumber(NAN)
        if self._grammars:
            return self._sample_checked(context, i)
        token = raw.llama_sampler_sample(self.ptr, ctx, i)
        if logits[token] != logits[token]:
            raise NotANumber(NAN)
        return token

    def offload(self, context: Context, seq_id: int) -> bool:
        """Sample on the device for that sequence, from the next decode on, until recall().

        False: the device can't; sampling stays here. The last chain of a sequence counts.
        """
        self.recall()
        if not raw.llama_set_sampler(context.ptr, seq_id, self.ptr):
            return False
        self._offloaded = (context, seq_id)
        self._add_parent(context)
        return True

    def recall(self) -> None:
        """Sample on the CPU again."""
        if self._offloaded is not None:
            context, seq_id = self._offloaded
            self._offloaded = None
            raw.llama_set_sampler(context.ptr, seq_id, NULL)
            self._leave_parent(context)

    def apply(self, candidates: TokenDataArray) -> None:
        """Run all samplers over the candidates."""
        raw.llama_sampler_apply(self.ptr, ref(candidates.c))

    def accept(self, token: int) -> None:
        """Tell all samplers which token was chosen. GrammarError: a grammar forbids it here."""
        _check_token(token)
        for index, n_vocab in self._grammars:
            _check_allowed(raw.llama_sampler_chain_get(self.ptr, index), token, n_vocab)
        raw.llama_sampler_accept(self.ptr, token)

    def reset(self) -> None:
        """Forget all accepted tokens and start the random numbers again."""
        raw.llama_sampler_reset(self.ptr)

    def clone(self) -> SamplerChain:
        """An independent copy with its state."""
        return SamplerChain(_copy_of=self)

    @property
    def n(self) -> int:
        """How many samplers it has."""
        return raw.llama_sampler_chain_n(self.ptr)

    @property
    def name(self) -> str:
        """libllama's name for a chain."""
        return (raw.llama_sampler_name(self.ptr) or b"").decode()

    def names(self) -> list[str]:
        """The names of its samplers, in order."""
        chain = self.ptr
        samplers = (raw.llama_sampler_chain_get(chain, i) for i in range(len(self._members)))
        return [(raw.llama_sampler_name(sampler) or b"").decode() for sampler in samplers]

    @property
    def seed(self) -> int:
        """The seed of its last sampler that has one, LLAMA_DEFAULT_SEED if none has."""
        return raw.llama_sampler_get_seed(self.ptr)

    def perf(self) -> llama_perf_sampler_data:
        """Times, if it was made with no_perf=False."""
        return raw_perf.llama_perf_sampler(self.ptr)

    def _sample_checked(self, context: Context, i: int) -> int:
        """As llama_sampler_sample, but looks at what was selected before grammars accept it."""
        logits = context.logits(i)
        candidates = TokenDataArray(len(logits))
        candidates.fill_from(logits)
        self.apply(candidates)
        if math.isinf(candidates.logit) and candidates.logit < 0:
            raise GrammarError("the grammar allows none of the candidates")
        token = candidates.token
        self.accept(token)
        return token

    def _refresh(self) -> None:
        self._selects = any(selects for selects, _ in self._members)
        self._grammars = [(i, n) for i, (_, n) in enumerate(self._members) if n]

    def _dispose(self, pointer: Ptr[llama_sampler]) -> None:
        self.recall()
        raw.llama_sampler_free(pointer)


def _has_device_result(ctx: Ptr[llama_context], i: int) -> bool:
    """Whether the device left a token or candidates for a row; else there are logits."""
    if raw_context.llama_get_sampled_token_ith(ctx, i) != LLAMA_TOKEN_NULL:
        return True
    return bool(raw_context.llama_get_sampled_logits_ith(ctx, i))


def _check_token(token: int) -> None:
    if token < 0:
        raise TokenError(f"token {token} cannot be accepted")


def _check_allowed(grammar: Ptr[llama_sampler], token: int, n_vocab: int) -> None:
    """GrammarError unless `grammar` allows `token` now: C throws through us if it does not."""
    if token >= n_vocab:
        raise TokenError(f"token {token} is not in the vocabulary, which has {n_vocab} tokens")
    one = TokenDataArray(1)
    one.fill([token], [0.0])
    raw.llama_sampler_apply(grammar, ref(one.c))
    if one.c.data[0].logit < 0:
        raise GrammarError(f"the grammar does not allow token {token} here")
