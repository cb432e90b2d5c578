"""The most likely token, where nothing else can change the choice: no native chain is needed.

Ten times as fast as the chain, which would sort candidates and draw from a distribution of one.
`sampling.is_greedy` says for which parameters this is the same token.
"""

from __future__ import annotations

import numpy as np

from llama_ctypes.buffers import Floats
from llama_ctypes.context import Context
from llama_ctypes.vocab import Vocab
from server.engine.allowed import Allowed
from server.engine.errors import NO_NUMBER
from server.engine.errors import BadLogits
from server.engine.errors import BadSampling
from server.engine.llama.probs import Piece
from server.engine.llama.probs import prob_before
from server.engine.task import SamplingParams
from server.engine.task import TokenProb
from server.engine.task import Tokens
from server.engine.triggers import Beginning

FORBIDDEN = "no token could be sampled: logit_bias forbids all that may come here"
FEW = 8
"""Biases of so many tokens are added one by one, which is faster than as an array."""


class GreedySampler:
    """See Sampler of `server/engine/runner.py`, and Chooser of `server/engine/guided.py`.

    Engine thread only.
    """

    def __init__(
        self, context: Context, vocab: Vocab, params: SamplingParams, piece: Piece
    ) -> None:
        self._context = context
        self._n_probs = params.n_probs
        self._piece = piece
        self._i_batch = -1
        biases: dict[int, float] = dict.fromkeys(vocab.suppressed(), -np.inf)
        for token, bias in params.logit_bias:
            biases[token] = biases.get(token, 0.0) + bias
        self._few = tuple(biases.items()) if len(biases) <= FEW else ()
        n = 0 if self._few else len(biases)
        self._biased = np.fromiter(biases.keys(), np.intp, n)
        self._biases = np.fromiter(biases.values(), np.float32, n)

    def attach(self, seq_id: int) -> None:
        """See Sampler. There is no chain to offload."""

    def sample(self, i_batch: int) -> int:
        """See Sampler."""
        logits = self._logits(i_batch)
        return _checked(int(logits.argmax()), logits)

    def sample_among(self, i_batch: int, allowed: Allowed) -> int:
        """See Chooser."""
        logits = self._logits(i_batch)
        token = int(logits.argmax())
        if token not in allowed:
            # NaN is the highest of all
            if np.isnan(logits[token]):
                raise BadLogits(NO_NUMBER)
            ids = allowed.ids
            token = int(ids[logits[ids].argmax()])
        return _checked(token, logits)

    def can_bind(self, beginning: Beginning) -> bool:
        """See Chooser. A grammar makes it another sampler's business."""
        return False

    def bind(self, beginning: Beginning) -> bool:
        """See Chooser."""
        return False

    def learn(self, token: int, i_batch: int | None = None) -> bool:
        """See Chooser. Nothing is remembered."""
        if i_batch is not None:
            self._i_batch = i_batch
        return True

    def forced(self, n_max: int) -> list[int]:
        """See Sampler. Nothing is certain here."""
        return []

    def end_reasoning(self) -> bool:
        """See Sampler. Whether the model thinks is not known here."""
        return False

    def _logits(self, i_batch: int) -> Floats:
        self._i_batch = i_batch
        logits = self._context.logits(i_batch)
        return self._with_biases(logits) if self._few or len(self._biased) else logits

    def _with_biases(self, logits: Floats) -> Floats:
        # nobody reads these logits again unless probabilities are wanted
        if self._n_probs > 0:
            logits = logits.copy()
        for token, bias in self._few:
            logits[token] += bias
        if len(self._biased):
            logits[self._biased] += self._biases
        return logits

    def prob(self, token: int) -> TokenProb | None:
        """See Sampler."""
        if self._n_probs <= 0:
            return None
        return prob_before(self._context.logits(self._i_batch), token, self._n_probs, self._piece)

    def accept(self, tokens: Tokens) -> None:
        """See Sampler. Nothing is remembered."""

    def close(self) -> None:
        """See Sampler. Nothing is owned."""


def _checked(token: int, logits: Floats) -> int:
    """The token with the highest logit, if it is a number that can come."""
    # argmax finds the first NaN if there is one
    if not logits[token] > -np.inf:
        if np.isnan(logits[token]):
            raise BadLogits(NO_NUMBER)
        raise BadSampling(FORBIDDEN)
    return token
