"""What one field decides about another, and what is refused for now."""

from __future__ import annotations

import sys
from math import inf
from typing import Any

import numpy as np
import pytest

from server.engine.task import DEFAULT_SEED
from server.engine.task import SamplingParams
from server.schema import CompletionParams
from server.schema import RequestDefaults
from server.schema import SchemaError
from server.schema import as_object
from server.schema import openai_chat_body
from server.schema import openai_completion_body
from server.schema import parse_completion
from server.schema import parse_prompts
from server.schema import required_prompt
from server.schema import task_from
from server.schema.bodies import CHAT
from tests.byte_tokenizer import ByteTokenizer
from tests.schema.conftest import Parse
from tests.schema.vectors import RecordedTokenizer

PROMPT = np.array([1, 2, 3], np.int32)


def test_defaults_are_the_servers() -> None:
    defaults = RequestDefaults(
        sampling=SamplingParams(top_k=3), n_predict=9, stop=("end",), sse_ping_interval=5
    )
    params = parse_completion({}, defaults, RecordedTokenizer())
    assert (params.sampling.top_k, params.n_predict, params.stop) == (3, 9, ("end",))
    assert params.sse_ping_interval == 5


@pytest.mark.parametrize("stop", [[], [None], None])
def test_no_stop_string_means_the_servers(stop: object) -> None:
    defaults = RequestDefaults(stop=("end",))
    assert parse_completion({"stop": stop}, defaults, RecordedTokenizer()).stop == ("end",)


def test_a_small_dry_base_means_the_servers() -> None:
    defaults = RequestDefaults(sampling=SamplingParams(dry_base=1.5))
    params = parse_completion({"dry_base": 0.9}, defaults, RecordedTokenizer())
    assert params.sampling.dry_base == 1.5


def test_ignore_eos_of_the_server_bans_the_end_once(tokenizer: RecordedTokenizer) -> None:
    banned = SamplingParams(ignore_eos=True, logit_bias=((2, -inf),))
    params = parse_completion({}, RequestDefaults(sampling=banned), tokenizer)
    assert params.sampling.logit_bias == ((2, -inf),)


def test_more_completions_than_slots_are_refused_with_the_remedy(parse: Parse) -> None:
    with pytest.raises(SchemaError, match=r"Field 'n': .* 1 and 2 .* got 3; .* --parallel"):
        parse({"n": 3})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["temperature", "top_k", "seed"])
def test_numbers_that_json_does_not_have_are_refused(name: str, value: float, parse: Parse) -> None:
    with pytest.raises(SchemaError, match=f"Field '{name}': expected .* finite"):
        parse({name: value})


def test_an_integer_beyond_any_float_is_clamped(parse: Parse) -> None:
    assert parse({"top_p": 10**400}).sampling.top_p == 1.0


def test_reasoning_stays_in_the_content_of_a_legacy_stream(parse: Parse) -> None:
    body = {"reasoning_format": "deepseek-legacy", "stream": True}
    assert parse(body).reasoning_in_content
    assert not parse({"reasoning_format": "deepseek-legacy"}).reasoning_in_content


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("grammar", {"grammar": 5}),
        ("stop", {"stop": 5}),
        ("samplers", {"samplers": {}}),
        ("samplers", {"samplers": ["top_k"] * 65}),
        ("samplers", {"samplers": "k" * 65}),
        ("dry_sequence_breakers", {"dry_sequence_breakers": ["a"] * 65}),
        ("stop", {"stop": ["a"] * 257}),
        ("logit_bias", {"logit_bias": "x"}),
        ("response_fields", {"response_fields": "content"}),
        ("id_slot", {"id_slot": "x"}),
        ("id_slot", {"id_slot": 2}),
        ("id_slot", {"id_slot": -2}),
        ("cache_salt", {"cache_salt": 5}),
        ("cache_salt", {"cache_salt": ["x"]}),
        ("json_schema", {"json_schema": 5}),
        ("lora", {"lora": [5]}),
        ("lora", {"lora": [{"scale": 1}]}),
        ("chat_format", {"chat_format": 99}),
    ],
)
def test_what_the_reference_takes_silently_is_refused(
    field: str, body: dict[str, Any], parse: Parse
) -> None:
    with pytest.raises(SchemaError, match=f"^Field '{field}': ") as caught:
        parse(body)
    assert caught.value.field == field


def test_top_logprobs_of_a_wrong_type_are_named() -> None:
    with pytest.raises(SchemaError, match="Field 'top_logprobs': expected an integer"):
        openai_chat_body({"logprobs": True, "top_logprobs": "x"})


def test_a_chat_body_leaves_the_prompt_to_the_template() -> None:
    native = openai_chat_body({"messages": [], "prompt": "x", "top_k": 5})
    assert "prompt" not in native
    assert native["top_k"] == 5


def test_a_chat_body_is_not_changed() -> None:
    body = {"messages": [], "stop": "x", "logprobs": True}
    openai_chat_body(body)
    assert body == {"messages": [], "stop": "x", "logprobs": True}


def test_a_completion_needs_a_prompt() -> None:
    with pytest.raises(SchemaError, match='"prompt" is required'):
        openai_completion_body({"max_tokens": 1})
    assert required_prompt({"prompt": None}) is None


@pytest.mark.parametrize("body", [[], "x", 5, None])
def test_a_body_must_be_an_object(body: object) -> None:
    with pytest.raises(SchemaError, match="must be a JSON object"):
        as_object(body)


def test_ids_and_texts_are_joined_and_only_a_leading_text_gets_bos() -> None:
    tokenizer = ByteTokenizer()
    with_bos = tokenizer.tokenize("a", add_special=True, parse_special=True)
    assert [p.tolist() for p in parse_prompts(["a", 65, "b"], tokenizer)] == [[*with_bos, 65, 98]]
    assert [p.tolist() for p in parse_prompts([65, "a"], tokenizer)] == [[65, 97]]


def test_a_prompt_array_is_int32() -> None:
    assert parse_prompts([1, 2], ByteTokenizer())[0].dtype == np.int32


def test_a_token_id_beyond_32_bits_is_refused() -> None:
    with pytest.raises(SchemaError, match="Prompt contains invalid tokens: 1099511627776"):
        parse_prompts([2**40], ByteTokenizer())


def test_a_task_carries_the_parameters_and_the_prompt() -> None:
    params = CompletionParams(n_predict=4, stop=("x",), id_slot=1, preserved_tokens=(5,))
    task = task_from(params, PROMPT, 7, "cmpl-1")
    assert (task.id, task.cmpl_id, task.id_slot, task.n_predict) == (7, "cmpl-1", 1, 4)
    assert task.prompt is PROMPT
    assert task.params is params
    assert task.preserved_tokens == {5}


def test_further_completions_get_a_seed_of_their_own_and_any_slot() -> None:
    params = CompletionParams(sampling=SamplingParams(seed=0xFFFFFFFE), id_slot=1)
    task = task_from(params, PROMPT, 7, index=2)
    assert (task.sampling.seed, task.id_slot) == (0, -1)
    assert isinstance(task.params, CompletionParams)
    assert task.params.sampling.seed == 0


def test_a_random_seed_stays_random_for_further_completions() -> None:
    assert task_from(CompletionParams(), PROMPT, 7, index=1).sampling.seed == DEFAULT_SEED


CALLS = 10_000
"""What a processor of any age does in under 5 ms: an empty call takes some 0.1 microseconds."""


def test_a_chat_of_100_kb_and_50_messages_costs_few_operations_whatever_its_texts_are() -> None:
    n_calls = _n_calls(_chat(50, 2000))
    assert n_calls == _n_calls(_chat(50, 1)) < CALLS
    assert _n_calls(_chat(100, 1)) < 2.1 * n_calls


def _chat(n_messages: int, n_characters: int) -> dict[str, Any]:
    roles = ("user", "assistant")
    said = [{"role": roles[i % 2], "content": "x" * n_characters} for i in range(n_messages)]
    return {"messages": said, "temperature": 0.5}


def _n_calls(body: dict[str, Any]) -> int:
    """The functions, of Python and of C, that the validation of a body calls."""
    n_calls = 0

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal n_calls
        n_calls += event in ("call", "c_call")

    CHAT.check(body)  # compiles the schema
    sys.setprofile(count)
    try:
        CHAT.check(body)
        openai_chat_body(body)
    finally:
        sys.setprofile(None)
    return n_calls
