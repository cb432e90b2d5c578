"""SamplingParams -> the sampler chain, as a plain description.

The order, the defaults and the seeds are the reference's (llama.cpp `common/sampling.cpp`
common_sampler_init), so that an equal request with an equal seed yields equal text. This module
does not know llama_ctypes: `runner.py` turns each step into a native sampler.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from server.engine.errors import BadSampling
from server.engine.task import SamplingParams

Argument = int | float | tuple[str, ...] | tuple[tuple[int, float], ...]

MIROSTAT_M = 100
"""Tokens that mirostat 1 looks at to estimate the distribution (the paper's constant)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One sampler of the chain: a kind of `llama_sampler_init_<kind>` and its arguments."""

    kind: str
    arguments: tuple[Argument, ...] = ()


def chain_steps(params: SamplingParams) -> list[Step]:
    """The samplers that params ask for, first to last; the last one selects the token."""
    _check_penalties(params)
    steps = [Step("logit_bias", (params.logit_bias,))] if params.logit_bias else []
    if params.mirostat == 1:
        arguments = (params.seed, params.mirostat_tau, params.mirostat_eta, MIROSTAT_M)
        return [*steps, Step("temp", (params.temperature,)), Step("mirostat", arguments)]
    if params.mirostat == 2:
        arguments2 = (params.seed, params.mirostat_tau, params.mirostat_eta)
        return [*steps, Step("temp", (params.temperature,)), Step("mirostat_v2", arguments2)]
    steps += [_named_step(name, params) for name in params.samplers if name != "adaptive_p"]
    if "adaptive_p" in params.samplers:
        arguments3 = (params.adaptive_target, params.adaptive_decay, params.seed)
        return [*steps, Step("adaptive_p", arguments3)]
    return [*steps, Step("dist", (params.seed,))]


def is_greedy(params: SamplingParams) -> bool:
    """Whether the chain can only choose the most likely token.

    A temperature of 0 leaves nothing else; the samplers before it must not change the order of
    the logits nor drop their highest.
    """
    penalties = (params.repeat_penalty, params.presence_penalty, params.frequency_penalty)
    changing = {
        "penalties": penalties != (1.0, 0.0, 0.0),
        "dry": params.dry_multiplier != 0.0,
        "typ_p": params.typical_p < 1.0,
        "xtc": params.xtc_probability > 0.0,
        "infill": True,
        "adaptive_p": True,
    }
    return (
        params.temperature <= 0.0
        and params.dynatemp_range <= 0.0
        and "temperature" in params.samplers
        and not params.mirostat
        and not params.grammar
        and not (params.n_probs > 0 and params.post_sampling_probs)
        and not any(changing.get(name, False) for name in params.samplers)
    )


def n_history(params: SamplingParams) -> int:
    """How many of the prompt's last tokens the chain must have seen before it samples.

    Only the penalties and DRY remember tokens, each a bounded window, so accepting the rest of a
    long prompt would change nothing.
    """
    if params.mirostat:
        return 0
    window = 0
    if "penalties" in params.samplers:
        window = params.repeat_last_n
    if "dry" in params.samplers and params.dry_multiplier != 0.0:
        window = max(window, params.dry_penalty_last_n)
    return window


def _named_step(name: str, params: SamplingParams) -> Step:
    match name:
        case "penalties":
            return Step(
                "penalties",
                (
                    params.repeat_last_n,
                    params.repeat_penalty,
                    params.frequency_penalty,
                    params.presence_penalty,
                ),
            )
        case "dry":
            return Step(
                "dry",
                (
                    params.dry_multiplier,
                    params.dry_base,
                    params.dry_allowed_length,
                    params.dry_penalty_last_n,
                    params.dry_sequence_breakers,
                ),
            )
        case "top_n_sigma":
            return Step("top_n_sigma", (params.top_n_sigma,))
        case "top_k":
            return Step("top_k", (params.top_k,))
        case "typ_p":
            return Step("typical", (params.typical_p, params.min_keep))
        case "top_p":
            return Step("top_p", (params.top_p, params.min_keep))
        case "min_p":
            return Step("min_p", (params.min_p, params.min_keep))
        case "xtc":
            return Step(
                "xtc", (params.xtc_probability, params.xtc_threshold, params.min_keep, params.seed)
            )
        case "temperature":
            return Step(
                "temp_ext", (params.temperature, params.dynatemp_range, params.dynatemp_exponent)
            )
        case "infill":
            return Step("infill")
    raise BadSampling(f"samplers: unknown sampler {name!r}")


def _check_penalties(params: SamplingParams) -> None:
    repeat = params.repeat_penalty
    if not math.isfinite(repeat) or repeat <= 0 or math.isinf(1.0 / repeat):
        raise BadSampling("repeat_penalty: must be a finite number greater than 0 (1 = disabled)")
    for name in ("frequency_penalty", "presence_penalty"):
        if not math.isfinite(getattr(params, name)):
            raise BadSampling(f"{name}: must be a finite number (0 = disabled)")
