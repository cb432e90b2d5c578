"""The echo of a request's parameters: `generation_settings`, `/slots` and `/props`.

Answers to llama.cpp `tools/server/server-task.cpp` task_params::to_json: the same keys in the same
order, floats as single precision holds them, and null for what JSON can't write.
"""

from __future__ import annotations

from math import isfinite

from server.engine.task import SamplingParams
from server.engine.task import Trigger
from server.engine.task import TriggerKind
from server.schema.field import float32
from server.schema.params import CompletionParams
from server.schema.params import RequestDefaults


def generation_settings(params: CompletionParams, only_metrics: bool = False) -> dict[str, object]:
    """Field by field as llama-server shows them; only_metrics leaves texts and lists out."""
    return {
        **_sampling(params.sampling, only_metrics),
        **_request(params, only_metrics),
        **_chat(params),
    }


def default_generation_settings(defaults: RequestDefaults) -> dict[str, object]:
    """`default_generation_settings.params` of `/props`.

    As the reference does, only the sampling parameters are those that the server was started with.
    """
    return generation_settings(CompletionParams(sampling=defaults.sampling), only_metrics=True)


def _number(value: float) -> float | None:
    return float32(value) if isfinite(value) else None


def _trigger(trigger: Trigger) -> dict[str, object]:
    shown: dict[str, object] = {"type": int(trigger.kind), "value": trigger.text}
    return shown | {"token": trigger.token} if trigger.kind is TriggerKind.TOKEN else shown


def _sampling(sampling: SamplingParams, only_metrics: bool) -> dict[str, object]:
    breakers = {} if only_metrics else {"dry_sequence_breakers": [*sampling.dry_sequence_breakers]}
    return {
        "seed": sampling.seed,
        "temperature": _number(sampling.temperature),
        "dynatemp_range": _number(sampling.dynatemp_range),
        "dynatemp_exponent": _number(sampling.dynatemp_exponent),
        "top_k": sampling.top_k,
        "top_p": _number(sampling.top_p),
        "min_p": _number(sampling.min_p),
        "top_n_sigma": _number(sampling.top_n_sigma),
        "xtc_probability": _number(sampling.xtc_probability),
        "xtc_threshold": _number(sampling.xtc_threshold),
        "typical_p": _number(sampling.typical_p),
        "repeat_last_n": sampling.repeat_last_n,
        "repeat_penalty": _number(sampling.repeat_penalty),
        "presence_penalty": _number(sampling.presence_penalty),
        "frequency_penalty": _number(sampling.frequency_penalty),
        "dry_multiplier": _number(sampling.dry_multiplier),
        "dry_base": _number(sampling.dry_base),
        "dry_allowed_length": sampling.dry_allowed_length,
        "dry_penalty_last_n": sampling.dry_penalty_last_n,
        **breakers,
        "mirostat": sampling.mirostat,
        "mirostat_tau": _number(sampling.mirostat_tau),
        "mirostat_eta": _number(sampling.mirostat_eta),
        "adaptive_target": _number(sampling.adaptive_target),
        "adaptive_decay": _number(sampling.adaptive_decay),
    }


def _request(params: CompletionParams, only_metrics: bool) -> dict[str, object]:
    sampling = params.sampling
    shown: dict[str, object] = {} if only_metrics else {"stop": [*params.stop]}
    shown |= {
        "max_tokens": params.n_predict,
        "n_predict": params.n_predict,
        "n_keep": params.n_keep,
        "n_discard": params.n_discard,
        "ignore_eos": sampling.ignore_eos,
        "stream": params.stream,
    }
    if not only_metrics:
        shown["logit_bias"] = [
            {"bias": _number(bias), "token": token} for token, bias in sampling.logit_bias
        ]
    shown |= {"n_probs": sampling.n_probs, "min_keep": sampling.min_keep}
    if not only_metrics:
        shown |= {
            "grammar": sampling.constraint.lark if sampling.constraint else sampling.grammar,
            "grammar_lazy": params.grammar_lazy,
            "grammar_triggers": [*map(_trigger, params.grammar_triggers)],
            "preserved_tokens": [*params.preserved_tokens],
        }
    return shown


def _chat(params: CompletionParams) -> dict[str, object]:
    return {
        "chat_format": params.chat_format,
        "reasoning_format": params.reasoning_format,
        "reasoning_in_content": params.reasoning_in_content,
        "generation_prompt": params.generation_prompt,
        "samplers": [*params.sampling.samplers],
        "speculative.types": params.speculative_types,
        "timings_per_token": params.timings_per_token,
        "post_sampling_probs": params.post_sampling_probs,
        "backend_sampling": params.sampling.backend_sampling,
        "lora": [{"id": i, "scale": _number(scale)} for i, scale in params.lora],
    }
