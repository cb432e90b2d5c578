"""A request's native sampler chain: built from the steps of `sampling`, asked once a step.

Three ways to one token, cheapest first: libllama samples from the logits itself; or the
candidates are kept, because their probabilities are wanted; or a grammar has to agree. Where only
some tokens are allowed, the others are masked in the logits, or those few alone are candidates.
Answers to common_sampler_sample in llama.cpp `common/sampling.cpp`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any
from typing import cast

import numpy as np
from numpy.typing import NDArray

from llama_ctypes import samplers
from llama_ctypes.buffers import Floats
from llama_ctypes.candidates import TokenDataArray
from llama_ctypes.context import Context
from llama_ctypes.errors import LlamaError
from llama_ctypes.errors import NotANumber
from llama_ctypes.sampler import Sampler
from llama_ctypes.sampler import SamplerChain
from llama_ctypes.vocab import Vocab
from server.engine.allowed import Allowed
from server.engine.errors import NO_NUMBER
from server.engine.errors import BadLogits
from server.engine.errors import BadSampling
from server.engine.llama.lazy import begun
from server.engine.llama.probs import Piece
from server.engine.llama.probs import prob_after
from server.engine.llama.probs import prob_before
from server.engine.sampling import Step
from server.engine.sampling import chain_steps
from server.engine.task import SamplingParams
from server.engine.task import TokenProb
from server.engine.task import Tokens
from server.engine.triggers import Beginning


def build(vocab: Vocab, params: SamplingParams) -> SamplerChain:
    """The chain that params describe. BadSampling where the library refuses."""
    chain = SamplerChain()
    try:
        for step in [*_suppressed(vocab), *chain_steps(params)]:
            chain.add(_native(vocab, step))
    except LlamaError as error:
        chain.close()
        raise BadSampling(f"samplers: {error}") from error
    except BadSampling:
        chain.close()
        raise
    return chain


def _suppressed(vocab: Vocab) -> list[Step]:
    """Some model files name tokens that must never be generated."""
    tokens = vocab.suppressed()
    return [Step("logit_bias", (tuple((t, float("-inf")) for t in tokens),))] if tokens else []


def _native(vocab: Vocab, step: Step) -> Sampler:
    arguments: tuple[Any, ...] = step.arguments
    match step.kind:
        case "logit_bias":
            biases: Counter[int] = Counter()
            for token, bias in arguments[0]:
                biases[token] += bias
            return samplers.logit_bias(vocab.n_tokens, cast("dict[int, float]", biases))
        case "penalties" | "mirostat":
            arguments = (vocab.n_tokens, *arguments)
        case "dry" | "infill":
            arguments = (vocab, *arguments)
    make: Callable[..., Sampler] = getattr(samplers, step.kind)
    return make(*arguments)


FEW = 4096
"""So many candidates are sampled faster from a table of their own."""
NONE_LEFT = "no token could be sampled: logit_bias forbids all that may come here"


class LlamaSampler:
    """See Sampler of `server/engine/runner.py`, and Chooser of `server/engine/guided.py`.

    Engine thread only.
    """

    def __init__(
        self, context: Context, vocab: Vocab, params: SamplingParams, piece: Piece
    ) -> None:
        self._context = context
        self._params = params
        self._piece = piece
        self._vocab = vocab
        self._chain = build(vocab, params)
        grammar = self._parse_grammar(vocab)
        self._lazy_grammar = None if params.triggers is None else grammar
        """Waits for its trigger, and is what the one that holds is made of."""
        self._grammar = grammar if params.triggers is None else None
        self._i_batch = -1
        wants_candidates = params.n_probs > 0 and params.post_sampling_probs
        self._candidates = (
            TokenDataArray(vocab.n_tokens) if self._grammar or wants_candidates else None
        )
        self._one = TokenDataArray(1)
        # these look at candidates that can't come, or at their number
        self._masks_logits = not (
            params.n_probs > 0
            or params.mirostat
            or params.typical_p < 1.0
            or params.min_keep
            or self._candidates is not None
        )

    def attach(self, seq_id: int) -> None:
        """See Sampler."""
        wants_probs = self._params.n_probs > 0
        is_free = self._candidates is None and self._lazy_grammar is None
        if self._params.backend_sampling and is_free and not wants_probs:
            self._chain.offload(self._context, seq_id)

    def _parse_grammar(self, vocab: Vocab) -> Sampler | None:
        if not self._params.grammar:
            return None
        try:
            return samplers.grammar(vocab, self._params.grammar)
        except LlamaError as error:
            self._chain.close()
            raise BadSampling(f"grammar: {error}") from error

    def sample(self, i_batch: int) -> int:
        """See Sampler."""
        self._i_batch = i_batch
        try:
            if self._candidates is None:
                return self._chain.sample(self._context, i_batch)
            return self._sample_candidates(self._candidates, i_batch)
        except NotANumber as error:
            raise BadLogits(NO_NUMBER) from error
        except LlamaError as error:
            raise BadSampling(f"no token could be sampled: {error}") from error

    def sample_among(self, i_batch: int, allowed: Allowed) -> int:
        """See Chooser."""
        self._i_batch = i_batch
        try:
            logits = self._numbers(i_batch)
            if self._masks_logits and allowed.n > FEW:
                np.copyto(logits, -np.inf, where=~allowed.flags)
                token = self._chain.sample(self._context, i_batch)
                if logits[token] == -np.inf:
                    raise BadSampling(NONE_LEFT)
                return token
            return self._sample_few(logits, allowed.ids)
        except NotANumber as error:
            raise BadLogits(NO_NUMBER) from error
        except LlamaError as error:
            raise BadSampling(f"no token could be sampled: {error}") from error

    def _sample_few(self, logits: Floats, ids: NDArray[np.intp]) -> int:
        if self._candidates is None:
            self._candidates = TokenDataArray(len(logits))
        candidates = self._candidates
        candidates.fill(ids, logits[ids])
        self._chain.apply(candidates)
        token = candidates.token
        if not candidates.logit > -np.inf:
            raise BadSampling(NONE_LEFT)
        self._chain.accept(token)
        return token

    def can_bind(self, beginning: Beginning) -> bool:
        """See Chooser."""
        grammar = self._begun(beginning)
        if grammar is not None:
            grammar.close()
        return grammar is not None

    def bind(self, beginning: Beginning) -> bool:
        """See Chooser."""
        grammar = self._begun(beginning)
        if grammar is None:
            return False
        if self._candidates is None:
            self._candidates = TokenDataArray(self._vocab.n_tokens)
        self._grammar = grammar
        return True

    def _begun(self, beginning: Beginning) -> Sampler | None:
        if self._lazy_grammar is None:
            return None
        return begun(self._lazy_grammar, self._vocab, self._params.grammar, beginning)

    def learn(self, token: int, i_batch: int | None = None) -> bool:
        """See Chooser."""
        if self._grammar is not None:
            if not self._allows(token):
                return False
            self._grammar.accept(token)
        self._chain.accept(token)
        if i_batch is not None:
            self._i_batch = i_batch
            if self._candidates is not None:
                self._candidates.fill([token], [0.0])
                self._candidates.table["p"][0] = 1.0
        return True

    def _numbers(self, i_batch: int) -> Floats:
        """The logits of a row; BadLogits if they are none."""
        logits = self._context.logits(i_batch)
        if logits[0] != logits[0]:
            raise BadLogits(NO_NUMBER)
        return logits

    def _sample_candidates(self, candidates: TokenDataArray, i_batch: int) -> int:
        logits = self._numbers(i_batch)
        candidates.fill_from(logits)
        self._chain.apply(candidates)
        token = candidates.token
        if logits[token] != logits[token]:
            raise BadLogits(NO_NUMBER)
        if self._grammar is not None:
            # cheaper than masking the whole vocabulary: most often the grammar agrees
            if not self._allows(token):
                candidates.fill_from(logits)
                self._grammar.apply(candidates)
                self._chain.apply(candidates)
                token = candidates.token
            self._grammar.accept(token)
        self._chain.accept(token)
        return token

    def _allows(self, token: int) -> bool:
        assert self._grammar is not None
        self._one.fill([token], [1.0])
        self._grammar.apply(self._one)
        return bool(self._one.view()["logit"][0] != -np.inf)

    def accept(self, tokens: Tokens) -> None:
        """See Sampler."""
        for token in tokens.tolist():
            self._chain.accept(token)

    def forced(self, n_max: int) -> list[int]:
        """See Sampler. Nothing is certain here."""
        return []

    def end_reasoning(self) -> bool:
        """See Sampler. Whether the model thinks is not known here."""
        return False

    def prob(self, token: int) -> TokenProb | None:
        """See Sampler."""
        n_probs = self._params.n_probs
        if n_probs <= 0:
            return None
        if self._params.post_sampling_probs:
            assert self._candidates is not None
            return prob_after(self._candidates, token, n_probs, self._piece)
        return prob_before(self._context.logits(self._i_batch), token, n_probs, self._piece)

    def close(self) -> None:
        """See Sampler."""
        self._chain.close()
        for grammar in (self._grammar, self._lazy_grammar):
            if grammar is not None:
                grammar.close()
