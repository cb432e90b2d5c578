"""Anthropic's official client for Python against the real server with SmolLM2-135M-Instruct.

SmolLM2 knows nothing of tools: that it calls is the grammar's doing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING
from typing import Any

import pytest
from pydantic import BaseModel

from tests.api.anthropic_events import assert_error_payload
from tests.e2e.live import LiveServer
from tests.e2e.questions import SURE
from tests.e2e.questions import SURE_ANSWER

if TYPE_CHECKING:
    import anthropic

pytestmark = pytest.mark.model

QUESTION: Any = [{"role": "user", "content": SURE}]
GREEDY: Any = {"temperature": 0, "cache_prompt": False}
ASK: dict[str, Any] = {"model": "any", "max_tokens": 24, "extra_body": GREEDY}
WEATHER: Any = {
    "name": "weather",
    "description": "The weather of a city",
    "input_schema": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "maxLength": 20},
            "days": {"type": "integer", "minimum": 1, "maximum": 9},
        },
        "required": ["city", "days"],
        "additionalProperties": False,
    },
}


class Poet(BaseModel):
    """What a structured answer is."""

    name: str
    is_english: bool


@pytest.fixture
def client(demo: LiveServer) -> Iterator[anthropic.Anthropic]:
    import anthropic

    with anthropic.Anthropic(base_url=demo.url, api_key="none", max_retries=0) as made:
        yield made
    demo.wait_idle()


def test_a_stream_adds_up_to_the_message_that_is_not_streamed(client: anthropic.Anthropic) -> None:
    whole = client.messages.create(messages=QUESTION, **ASK)
    with client.messages.stream(messages=QUESTION, **ASK) as stream:
        names = [event.type for event in stream]
        final = stream.get_final_message()
    (block,) = whole.content
    assert block.type == "text" and block.text == SURE_ANSWER
    for found in (final, whole):
        found.id = ""
    assert final.to_dict(exclude_none=True) == whole.to_dict(exclude_none=True)
    assert names[0] == "message_start" and names[-1] == "message_stop"
    assert whole.stop_reason in ("end_turn", "max_tokens")
    assert 0 < whole.usage.output_tokens <= 24
    assert whole._request_id and whole._request_id.startswith("req_")


def test_tokens_are_counted_and_a_second_turn_takes_them_from_the_cache(
    client: anthropic.Anthropic,
) -> None:
    ask: Any = {"model": "any", "messages": QUESTION, "system": "You know every poet. " * 20}
    n = client.messages.count_tokens(**ask).input_tokens
    first = client.messages.create(max_tokens=4, **ask).usage
    assert first.input_tokens + (first.cache_read_input_tokens or 0) == n
    again = client.messages.create(max_tokens=4, **ask).usage
    assert again.cache_read_input_tokens == n - 1
    assert (again.input_tokens, again.cache_creation_input_tokens) == (1, 0)


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "weather"}])
def test_a_tool_is_called_and_its_result_answered(
    client: anthropic.Anthropic, choice: dict[str, Any]
) -> None:
    ask = ASK | {"max_tokens": 96, "tools": [WEATHER]}
    asked: Any = [{"role": "user", "content": "Weather in Oslo?"}]
    forced: Any = choice | {"disable_parallel_tool_use": True}
    whole = client.messages.create(messages=asked, tool_choice=forced, **ask)
    with client.messages.stream(messages=asked, tool_choice=forced, **ask) as stream:
        final = stream.get_final_message()
    call, streamed = whole.content[-1], final.content[-1]
    assert call.type == "tool_use" and streamed.type == "tool_use"
    assert whole.stop_reason == final.stop_reason == "tool_use"
    assert (call.name, call.input) == (streamed.name, streamed.input)
    assert call.name == "weather" and call.input["days"] in range(1, 10)
    # the client's own form of the message goes back as it is
    result = {"type": "tool_result", "tool_use_id": call.id, "content": '{"sky": "clear"}'}
    answered = client.messages.create(
        messages=[
            *asked,
            {"role": "assistant", "content": whole.content},
            {"role": "user", "content": [result]},
        ],
        tool_choice={"type": "none"},
        **(ask | {"max_tokens": 8}),
    )
    assert [block.type for block in answered.content] == ["text"]


def test_an_answer_is_parsed_by_its_schema(client: anthropic.Anthropic) -> None:
    ask = ASK | {"max_tokens": 120}
    found = client.messages.parse(messages=QUESTION, output_format=Poet, **ask)
    assert isinstance(found.parsed_output, Poet)
    with client.messages.stream(messages=QUESTION, output_format=Poet, **ask) as stream:
        assert isinstance(stream.get_final_message().parsed_output, Poet)


def test_the_beta_of_the_client_is_the_same(client: anthropic.Anthropic) -> None:
    """As agents ask: with `?beta=true`, headers and fields of which the server knows nothing."""
    edits: Any = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    system: Any = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    ask: Any = ASK | {"max_tokens": 8, "system": system, "context_management": edits}
    with client.beta.messages.stream(
        messages=QUESTION, betas=["context-management-2025-06-27"], **ask
    ) as stream:
        final = stream.get_final_message()
    (block,) = final.content
    assert block.type == "text" and block.text
    counted = client.beta.messages.count_tokens(model="any", messages=QUESTION, system=system)
    assert counted.input_tokens == final.usage.input_tokens


def test_it_ends_at_a_stop_sequence(client: anthropic.Anthropic) -> None:
    found = client.messages.create(messages=QUESTION, stop_sequences=["Romeo"], **ASK)
    assert (found.stop_reason, found.stop_sequence) == ("stop_sequence", "Romeo")


def test_refusals_are_the_clients_own_errors(client: anthropic.Anthropic) -> None:
    import anthropic

    with pytest.raises(anthropic.BadRequestError) as refused:
        client.messages.create(messages=[], **ASK)
    assert "messages" in assert_error_payload(refused.value.body, "invalid_request_error")
    assert refused.value.request_id == refused.value.body["request_id"]  # type: ignore[index]
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.list()
    long: Any = [{"role": "user", "content": "word " * 20_000}]
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long"):
        client.messages.create(messages=long, **ASK)


def test_the_model_is_listed_as_answers_name_it(client: anthropic.Anthropic) -> None:
    (model,) = client.models.list()
    assert model == client.models.retrieve(model.id)
    assert (model.type, model.lifecycle) == ("model", "active")
    assert model.max_input_tokens and model.created_at.year == 1970
    assert client.messages.create(messages=QUESTION, **ASK | {"max_tokens": 1}).model == model.id


def test_a_stream_that_is_left_frees_its_slot(
    demo: LiveServer, client: anthropic.Anthropic
) -> None:
    endless: Any = ASK | {"max_tokens": 4000, "extra_body": GREEDY | {"ignore_eos": True}}
    with client.messages.stream(messages=QUESTION, **endless) as stream:
        next(iter(stream.text_stream))
        assert demo.busy_slots() == 1
    demo.wait_idle()


def test_the_key_is_taken_from_either_header(start: Any, smollm2_path: Any) -> None:
    import anthropic

    server = start("-m", smollm2_path, "-c", "256", "-np", "1", "--api-key", "secret")
    for given in ({"api_key": "secret"}, {"auth_token": "secret"}):
        with anthropic.Anthropic(base_url=server.url, max_retries=0, **given) as client:
            assert client.messages.count_tokens(model="any", messages=QUESTION).input_tokens > 0
    with (
        anthropic.Anthropic(base_url=server.url, api_key="wrong", max_retries=0) as client,
        pytest.raises(anthropic.AuthenticationError) as refused,
    ):
        client.messages.create(messages=QUESTION, **ASK)
    assert_error_payload(json.loads(refused.value.response.text), "authentication_error")
