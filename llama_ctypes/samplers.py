"""One function for every sampler that libllama has. llama.h: llama_sampler_init_*

Parameters are C's, and mean what llama.h says: values outside a sampler's range mostly make it do
nothing, and its name then starts with "?". `seed` LLAMA_DEFAULT_SEED takes a random seed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from collections.abc import Sequence

from llama_ctypes import gbnf
from llama_ctypes import runtime
from llama_ctypes.buffers import as_tokens
from llama_ctypes.ctype import Ptr
from llama_ctypes.errors import GrammarError
from llama_ctypes.errors import SamplerError
from llama_ctypes.raw import sampler as raw
from llama_ctypes.raw.sampler_i import llama_sampler
from llama_ctypes.raw.types import llama_logit_bias
from llama_ctypes.sampler import Sampler
from llama_ctypes.vocab import Vocab

# selecting: a chain ends with one of these


def greedy() -> Sampler:
    """Select the most likely candidate."""
    runtime.start()
    return Sampler(raw.llama_sampler_init_greedy(), selects=True)


def dist(seed: int) -> Sampler:
    """Select by probability."""
    runtime.start()
    return Sampler(raw.llama_sampler_init_dist(seed), selects=True)


def mirostat(n_vocab: int, seed: int, tau: float, eta: float, m: int = 100) -> Sampler:
    """Mirostat 1: select so that surprise stays near `tau`."""
    runtime.start()
    return Sampler(raw.llama_sampler_init_mirostat(n_vocab, seed, tau, eta, m), selects=True)


def mirostat_v2(seed: int, tau: float, eta: float) -> Sampler:
    """Mirostat 2: select so that surprise stays near `tau`."""
    runtime.start()
    return Sampler(raw.llama_sampler_init_mirostat_v2(seed, tau, eta), selects=True)


def adaptive_p(target: float, decay: float, seed: int) -> Sampler:
    """Select near the probability `target`, adapting to what was selected before."""
    runtime.start()
    return Sampler(raw.llama_sampler_init_adaptive_p(target, decay, seed), selects=True)


# truncating and scaling


def top_k(k: int) -> Sampler:
    """Keep the `k` most likely; all if k <= 0."""
    runtime.start()
    return Sampler(raw.llama_sampler_init_top_k(k))


def top_p(p: float, min_keep: int = 1) -> Sampler:
    """Keep the most likely that together have probability `p`."""
    runtime.start()
    return Sampler(raw.llama_sampler_init_top_p(p, min_keep))


def min_p(p: float, min_keep: int = 1) -> Sampler:
    """Keep those with at least `p` times the best probability."""
    runtime.start()
    return Sampler(raw.llama_sampler_init_min_p(p, min_keep))


def typical(p: float, min_keep: int = 1) -> Sampler:
    """Keep the locally typical that together have probability `p`."""
    runtime.start()
    return Sampler(raw.llama_sampler_init_typical(p, min_keep))


def top_n_sigma(n: float) -> Sampler:
    """Keep logits within `n` standard deviations of the best."""
    runtime.start()
    return Sampler(raw.llama_sampler_init_top_n_sigma(n))


def xtc(p: float, threshold: float, min_keep: int, seed: int) -> Sampler:
    """With probability `p`, drop all but the least likely of those above `threshold`."""
    runtime.start()
    return Sampler(raw.llama_sampler_init_xtc(p, threshold, min_keep, seed))


def temp(t: float) -> Sampler:
    """Divide logits by `t`; t <= 0 leaves only the best."""
    runtime.start()
    return Sampler(raw.llama_sampler_init_temp(t))


def temp_ext(t: float, delta: float, exponent: float) -> Sampler:
    """Temperature between t - delta and t + delta, by the entropy of the candidates."""
    runtime.start()
    return Sampler(raw.llama_sampler_init_temp_ext(t, delta, exponent))


# changing logits


def penalties(n_vocab: int, last_n: int, repeat: float, freq: float, present: float) -> Sampler:
    """Penalise tokens of the last `last_n`; 0 or less disables it, -1 means nothing else."""
    runtime.start()
    return Sampler(raw.llama_sampler_init_penalties(n_vocab, last_n, repeat, freq, present))


def dry(
    vocab: Vocab,
    multiplier: float,
    base: float,
    allowed_length: int,
    penalty_last_n: int,
    seq_breakers: Sequence[str],
) -> Sampler:
    """Penalise what would prolong a repetition of the last `penalty_last_n` tokens."""
    texts = _strings(seq_breakers)
    pointer = raw.llama_sampler_init_dry(
        vocab.ptr, multiplier, base, allowed_length, penalty_last_n, texts, len(seq_breakers)
    )
    return Sampler(pointer, vocab.model)


def logit_bias(n_vocab: int, biases: Mapping[int, float]) -> Sampler:
    """Add to the logits of some tokens; -inf forbids a token."""
    runtime.start()
    rows = (llama_logit_bias * len(biases))(*[llama_logit_bias(*row) for row in biases.items()])
    return Sampler(raw.llama_sampler_init_logit_bias(n_vocab, len(biases), rows))


def infill(vocab: Vocab) -> Sampler:
    """Prefer to end when filling in the middle; after top_k and top_p."""
    if vocab.eot is None and vocab.eos is None:
        raise SamplerError("the infill sampler needs a vocabulary with an EOT or EOS token")
    return Sampler(raw.llama_sampler_init_infill(vocab.ptr), vocab.model)


# grammars


def grammar(vocab: Vocab, text: str, root: str = "root") -> Sampler:
    """Keep what a GBNF grammar allows; an empty one allows all.

    GrammarError when it does not parse: libllama prints where on standard error.
    """
    gbnf.check(text)
    pointer = raw.llama_sampler_init_grammar(vocab.ptr, text.encode(), root.encode())
    return _grammar(pointer, vocab, text, root)


def grammar_lazy_patterns(
    vocab: Vocab,
    text: str,
    root: str,
    trigger_patterns: Sequence[str],
    trigger_tokens: Sequence[int] = (),
) -> Sampler:
    """A grammar that acts from a trigger on: a token, or the first group of a matching pattern.

    Patterns are matched from the start of the output. The grammar must allow all that a trigger can
    match: if it does not, C++ throws while it replays the text, and the process ends.
    """
    gbnf.check(text)
    tokens = as_tokens(trigger_tokens)
    pointer = raw.llama_sampler_init_grammar_lazy_patterns(
        vocab.ptr,
        text.encode(),
        root.encode(),
        _strings(trigger_patterns),
        len(trigger_patterns),
        tokens.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
        len(tokens),
    )
    return _grammar(pointer, vocab, text, root)


def _grammar(pointer: Ptr[llama_sampler], vocab: Vocab, text: str, root: str) -> Sampler:
    if not pointer:
        raise GrammarError(f"the grammar does not parse, or has no rule {root!r}")
    return Sampler(pointer, vocab.model, n_grammar_vocab=vocab.n_tokens if text else 0)


def _strings(texts: Sequence[str]) -> ctypes.Array[ctypes.c_char_p]:
    return (ctypes.c_char_p * len(texts))(*[text.encode() for text in texts])
