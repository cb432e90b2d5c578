"""Probabilities of a sampled token and its alternatives, from logits or from candidates.

Answers to populate_token_probs of llama.cpp `tools/server/server-context.cpp`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from llama_ctypes.buffers import Floats
from llama_ctypes.candidates import TokenDataArray
from server.engine.task import TokenProb
from server.engine.task import TopToken

Piece = Callable[[int], bytes]


def prob_before(logits: Floats, token: int, n_probs: int, piece: Piece) -> TokenProb:
    """From the logits, (n_vocab,) f32, before any sampler."""
    p = np.exp(logits - logits.max())
    p /= p.sum()
    n = min(n_probs, len(p))
    best = np.argpartition(-p, n - 1)[:n] if n < len(p) else np.arange(len(p))
    best = best[np.argsort(-p[best], kind="stable")]
    top = tuple(TopToken(int(t), piece(int(t)), float(p[t])) for t in best)
    return TokenProb(token, b"", float(p[token]), top)


def prob_after(candidates: TokenDataArray, token: int, n_probs: int, piece: Piece) -> TokenProb:
    """From the candidates that the chain left; those of probability 0 are no candidates."""
    left = candidates.view()
    left = left[np.argsort(-left["p"], kind="stable")]
    mine = left["p"][left["id"] == token]
    top = tuple(
        TopToken(int(row["id"]), piece(int(row["id"])), float(row["p"]))
        for row in left[:n_probs]
        if row["p"] > 0.0
    )
    return TokenProb(token, b"", float(mine[0]) if len(mine) else 0.0, top)
