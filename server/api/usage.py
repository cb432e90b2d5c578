"""Timings, token counts and probabilities of a result, as JSON.

Answers to server_slot_stats::to_json of llama.cpp `tools/server/server-common.cpp` and to
completion_token_output of `server-task.cpp`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from server.engine.modelinfo import Tokenizer
from server.engine.task import Finished
from server.engine.task import StopType
from server.engine.task import Timings
from server.engine.task import TokenProb
from server.engine.task import TopToken

Json = dict[str, object]

LOWEST_LOGPROB = -3.4028234663852886e38
"""Stands for the logarithm of 0, which JSON can't say (the lowest float32)."""


def timings_json(timings: Timings) -> Json:
    """`timings`. Rates count decode steps: the first token comes free with the prompt's logits."""
    n_prompt, n_steps = timings.n_prompt_processed, max(0, timings.n_decoded - 1)
    prompt_ms, predicted_ms = round(timings.prompt_ms, 3), round(timings.predicted_ms, 3)
    result: Json = {
        "cache_n": timings.n_prompt_cached,
        "prompt_n": n_prompt,
        "prompt_ms": prompt_ms,
        "prompt_per_token_ms": prompt_ms / n_prompt if n_prompt else 0.0,
        "prompt_per_second": 1e3 / prompt_ms * n_prompt if prompt_ms else 0.0,
        "predicted_n": timings.n_decoded,
        "predicted_ms": predicted_ms,
        "predicted_per_token_ms": predicted_ms / n_steps if n_steps else 0.0,
        "predicted_per_second": 1e3 / predicted_ms * n_steps if predicted_ms else 0.0,
    }
    if timings.n_drafted:
        result["draft_n"] = timings.n_drafted
        result["draft_n_accepted"] = timings.n_draft_accepted
    return result


def usage_json(event: Finished) -> Json:
    """`usage` of the OpenAI dialects."""
    n_decoded = event.timings.n_decoded
    return {
        "completion_tokens": n_decoded,
        "prompt_tokens": event.n_prompt,
        "total_tokens": n_decoded + event.n_prompt,
        "prompt_tokens_details": {"cached_tokens": event.timings.n_prompt_cached},
    }


def probs_json(probs: Sequence[TokenProb], *, is_post_sampling: bool) -> list[Json]:
    """`completion_probabilities`, which is also the `content` of `logprobs`.

    is_post_sampling: probabilities after the sampler chain, as they are; else logarithms.
    """
    return [
        _prob_json(prob, is_post_sampling)
        | {
            "top_probs" if is_post_sampling else "top_logprobs": [
                _prob_json(top, is_post_sampling) for top in prob.top
            ]
        }
        for prob in probs
    ]


def _prob_json(prob: TokenProb | TopToken, is_post_sampling: bool) -> Json:
    return {
        "id": prob.id,
        "token": whole_text(prob.piece),
        "bytes": list(prob.piece),
        "prob" if is_post_sampling else "logprob": prob.p if is_post_sampling else _log(prob.p),
    }


def _log(p: float) -> float:
    return math.log(p) if p > 0.0 else LOWEST_LOGPROB


def whole_text(piece: bytes) -> str:
    """The text of a piece without a character that is cut off at its end.

    Bytes that begin no character in any text (0xC0, 0xF5, ...) count as beginnings, as in the
    reference.
    """
    for n_bytes, lead in enumerate(reversed(piece[-4:]), 1):
        if n_bytes < _character_bytes(lead):
            piece = piece[:-n_bytes]
            break
    return piece.decode("utf-8", "replace")


def _character_bytes(lead: int) -> int:
    """How long the character is that a byte begins; 1 for bytes that begin no longer one."""
    if lead & 0xE0 == 0xC0:
        return 2
    if lead & 0xF0 == 0xE0:
        return 3
    return 4 if lead & 0xF8 == 0xF0 else 1


def shown_probs(event: Finished, tokenizer: Tokenizer) -> Sequence[TokenProb]:
    """The probabilities of a whole answer: those of a stop string's tokens are left out."""
    if event.stop_type is not StopType.WORD or not event.probs:
        return event.probs
    word = tokenizer.tokenize(event.stopping_word, add_special=False, parse_special=False)
    return event.probs[: max(0, len(event.probs) - len(word))]
