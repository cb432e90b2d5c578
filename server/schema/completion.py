"""A request body -> CompletionParams -> engine tasks.

Runs the rows of the table over the top level of a body; the cost does not depend on how long a
prompt or a chat is. Knows no dialect but the native one. Answers to llama.cpp
`tools/server/server-schema.cpp` eval_llama_cmpl_schema and `server-task.h` add_child.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import Any

from server.engine.modelinfo import Tokenizer
from server.engine.task import DEFAULT_SEED
from server.engine.task import Adapters
from server.engine.task import SamplingParams
from server.engine.task import Task
from server.engine.task import Tokens
from server.schema.constraints import constrained
from server.schema.errors import SchemaError
from server.schema.field import BadValue
from server.schema.field import Context
from server.schema.field import Field
from server.schema.field import Into
from server.schema.field import json_type
from server.schema.lazy import found_triggers
from server.schema.lazy import made_lazy
from server.schema.params import CompletionParams
from server.schema.params import RequestDefaults
from server.schema.table import FIELDS
from server.schema.table import base_params
from server.schema.thinking import find_tags
from server.schema.thinking import reasoning_of

ABSENT: Mapping[str, object] = {}
PARSED = tuple(row for row in FIELDS if row.name != "prompt")


def as_object(body: object) -> Mapping[str, object]:
    """The body, if it is a JSON object. SchemaError."""
    if isinstance(body, Mapping):
        return body
    raise SchemaError("", f"The request body must be a JSON object, but is {json_type(body)}")


def parse_completion(
    body: Mapping[str, object], defaults: RequestDefaults, tokenizer: Tokenizer
) -> CompletionParams:
    """Check and convert the known fields of a native body; `prompt` is for `parse_prompts`.

    SchemaError for the first field that is wrong.
    """
    context = Context(defaults, tokenizer)
    request: dict[str, Any] = {}
    sampling: dict[str, Any] = {}
    others: dict[str, Any] = {}
    kept = {Into.REQUEST: request, Into.SAMPLING: sampling, Into.NOWHERE: others}
    for row in PARSED:
        name, value = _given(row, body)
        if value is not None:
            kept[row.into][row.target] = _convert(row, name, value, context)
    base = base_params(defaults)
    grammar = {"grammar": sampling.pop("grammar")} if "grammar" in sampling else {}
    params = replace(base, sampling=replace(base.sampling, **sampling), **request)
    tags = find_tags(others, params.generation_prompt)
    final = constrained(params.sampling, others | grammar, tags)
    final = _with_bans(final, tokenizer)
    n_thoughts = params.reasoning_budget_tokens
    is_lazy = params.grammar_lazy
    reasoning = reasoning_of(others, tags, n_thoughts, tokenizer, is_lazy=is_lazy)
    final = replace(final, reasoning=reasoning)
    in_content = params.stream and params.reasoning_format == "deepseek-legacy"
    params = replace(params, sampling=final, reasoning_in_content=in_content)
    return _with_triggers(params, "grammar_triggers" in request, tokenizer)


def task_from(
    params: CompletionParams,
    prompt: Tokens,
    task_id: int,
    cmpl_id: str = "",
    index: int = 0,
    adapters: tuple[Adapters, int] = ((), 0),
    turns: tuple[int, ...] = (),
    first: int = -1,
) -> Task:
    """The engine's view of one completion of one prompt.

    index counts the completions of the prompt (`n`): those after the first get a seed of their
    own and no fixed slot. adapters: from `choose_adapters`. turns: from `token_places`.
    first: the id of the first of several.
    """
    sampling = params.sampling
    if index and sampling.seed != DEFAULT_SEED:
        sampling = replace(sampling, seed=(sampling.seed + index) & 0xFFFFFFFF)
        params = replace(params, sampling=sampling)
    return Task(
        id=task_id,
        prompt=prompt,
        sampling=sampling,
        n_predict=params.n_predict,
        n_keep=params.n_keep,
        n_discard=params.n_discard,
        n_indent=params.n_indent,
        t_max_predict_ms=params.t_max_predict_ms,
        stop=params.stop,
        stream=params.stream,
        cache_prompt=params.cache_prompt,
        cache_salt=params.cache_salt,
        n_cache_reuse=params.n_cache_reuse,
        adapters=adapters[0],
        n_bare=adapters[1],
        turns=turns,
        id_slot=-1 if index else params.id_slot,
        priority=params.priority,
        return_tokens=params.return_tokens,
        return_progress=params.return_progress,
        preserved_tokens=frozenset(params.preserved_tokens),
        first=first,
        cmpl_id=cmpl_id,
        params=params,
    )


def _given(row: Field, body: Mapping[str, object]) -> tuple[str, object]:
    """The first name of a row that has a value in the body, and the value."""
    source = body
    if row.parent:
        nested = body.get(row.parent)
        source = nested if isinstance(nested, Mapping) else ABSENT
    for name in (row.name, *row.aliases):
        value = source.get(name)
        if value is not None:
            return name, value
    return row.name, None


def _convert(row: Field, name: str, value: object, context: Context) -> object:
    try:
        return row.convert(value, context)
    except BadValue as error:
        label = row.label(name)
        raise SchemaError(label, f"Field '{label}': {error}") from None


def _with_triggers(
    params: CompletionParams, is_given: bool, tokenizer: Tokenizer
) -> CompletionParams:
    """The triggers found in the vocabulary; a grammar that waits for one of them, if it is lazy.

    Without the field nothing ever lets it hold, which is the reference's way.
    """
    triggers = found_triggers(params.grammar_triggers, params.preserved_tokens, tokenizer)
    params = replace(params, grammar_triggers=triggers)
    if not params.grammar_lazy:
        return params
    if is_given and not triggers:
        field = "grammar_triggers"
        raise SchemaError(field, f"Field '{field}': Error: no triggers set for lazy grammar!")
    return replace(params, sampling=made_lazy(params.sampling, triggers, tokenizer))


def _with_bans(sampling: SamplingParams, tokenizer: Tokenizer) -> SamplingParams:
    """`ignore_eos` as biases, which is how the engine wants it."""
    if not sampling.ignore_eos:
        return sampling
    bans = tuple((token, -inf) for token in sorted(tokenizer.eog_tokens))
    missing = tuple(ban for ban in bans if ban not in sampling.logit_bias)
    return replace(sampling, logit_bias=sampling.logit_bias + missing)
