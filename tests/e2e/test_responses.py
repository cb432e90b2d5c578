"""OpenAI's Responses through the official client for Python, against the real server and SmolLM2.

Which calls and which JSON come is the grammar's doing: the model is small.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.e2e.conftest import ONE_THREAD
from tests.e2e.conftest import Starter
from tests.e2e.live import LiveServer
from tests.e2e.processes import wait_until
from tests.e2e.questions import SURE

pytestmark = pytest.mark.model

GREEDY: dict[str, Any] = {"model": "any", "temperature": 0.0, "max_output_tokens": 24}
LONGER = GREEDY | {"max_output_tokens": 64}
ALIKE: dict[str, Any] = {"extra_body": {"cache_prompt": False}}
"""Of two answers that are compared: computed alike, they are equal where the model is unsure."""
TOOL: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"enum": ["Oslo", "Paris"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
CUSTOM: Any = {
    "type": "custom",
    "name": "dial",
    "format": {"type": "grammar", "syntax": "regex", "definition": "[0-9]{3}"},
}


class City(BaseModel):
    """What an answer is parsed into."""

    name: str
    is_capital: bool


def client_of(server: LiveServer, key: str = "none") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0)


@pytest.fixture
def client(demo: LiveServer) -> Iterator[openai.OpenAI]:
    with client_of(demo) as made:
        yield made
    demo.wait_idle()


def test_a_stream_ends_with_what_is_answered_whole(client: openai.OpenAI) -> None:
    # a form that ends: when free text does is the model's to say
    schema = {"type": "object", "properties": {"by": {"enum": ["Shakespeare", "Marlowe"]}}}
    schema |= {"required": ["by"], "additionalProperties": False}
    form: Any = {"format": {"type": "json_schema", "name": "author", "schema": schema}}
    whole = client.responses.create(input=SURE, text=form, **LONGER, **ALIKE)
    assert whole.status == "completed"
    text, types = "", []
    with client.responses.stream(input=SURE, text=form, **LONGER, **ALIKE) as stream:
        for event in stream:
            types.append(event.type)
            if event.type == "response.output_text.delta":
                text += event.delta
        final = stream.get_final_response()
    assert text == final.output_text == whole.output_text
    assert (types[0], types[-1]) == ("response.created", "response.completed")
    assert final.usage and whole.usage
    assert final.usage.output_tokens == whole.usage.output_tokens


def test_a_forced_call_and_its_result_go_round(client: openai.OpenAI) -> None:
    question = "Weather in Oslo?"
    wish: Any = {
        "input": question,
        "tools": [TOOL],
        "parallel_tool_calls": False,
        **LONGER,
        **ALIKE,
    }
    asked = client.responses.create(tool_choice="required", **wish)
    (call,) = (item for item in asked.output if item.type == "function_call")
    assert call.name == "weather"
    assert json.loads(call.arguments)["city"] in ("Oslo", "Paris")
    with client.responses.stream(
        tool_choice={"type": "function", "name": "weather"}, **wish
    ) as stream:
        final = stream.get_final_response()
    (streamed,) = (item for item in final.output if item.type == "function_call")
    assert streamed.arguments == call.arguments
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "12 degrees"}
    told = client.responses.create(input=[output], previous_response_id=asked.id, **GREEDY, **ALIKE)
    assert told.output_text
    # the same by hand, with the client's own form of the items
    items: Any = [{"role": "user", "content": question}, *asked.output, output]
    again = client.responses.create(input=items, **GREEDY, **ALIKE)
    assert again.output_text == told.output_text


def test_a_custom_tool_gets_text_that_fits(client: openai.OpenAI) -> None:
    choice: Any = {"type": "custom", "name": "dial"}
    wish: Any = {
        "input": "Call help.",
        "tools": [CUSTOM],
        "tool_choice": choice,
        "parallel_tool_calls": False,
    }
    asked = client.responses.create(**wish, **GREEDY | {"max_output_tokens": 64})
    (call,) = (item for item in asked.output if item.type == "custom_tool_call")
    assert len(call.input) == 3 and call.input.isdigit()


def test_an_answer_is_parsed(client: openai.OpenAI) -> None:
    parsed = client.responses.parse(input="Tell me of Paris.", text_format=City, **LONGER)
    assert isinstance(parsed.output_parsed, City)


def test_tokens_are_counted(client: openai.OpenAI) -> None:
    counted = client.responses.input_tokens.count(model="any", input=SURE, instructions="Hm.")
    asked = client.responses.create(input=SURE, instructions="Hm.", **GREEDY)
    assert asked.usage and counted.input_tokens == asked.usage.input_tokens


def test_errors_are_the_clients_own(client: openai.OpenAI) -> None:
    wrong: Any = [{"role": "king", "content": "x"}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(input=wrong, **GREEDY)
    assert caught.value.param == "input[0].role"
    assert caught.value.type == "invalid_request_error"
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_no")


def test_the_background_is_polled_and_cancelled(demo: LiveServer, client: openai.OpenAI) -> None:
    short = client.responses.create(input=SURE, background=True, **GREEDY)
    assert short.status == "queued"
    wait_until(
        "the response is over",
        lambda: client.responses.retrieve(short.id).status in ("completed", "incomplete"),
        30.0,
    )
    assert client.responses.retrieve(short.id).output_text
    long = client.responses.create(
        model="any", input="Count.", background=True, extra_body={"ignore_eos": True}
    )
    demo.wait_busy()
    cancelled = client.responses.cancel(long.id)
    assert cancelled.status == client.responses.retrieve(long.id).status == "cancelled"
    demo.wait_idle()


def test_the_events_of_the_background_come_again(client: openai.OpenAI) -> None:
    stream = client.responses.create(input=SURE, background=True, stream=True, **GREEDY)
    events = [event.to_dict() for event in stream]
    response: Any = events[0]["response"]
    again = client.responses.retrieve(response["id"], stream=True, starting_after=3)
    assert [event.to_dict() for event in again] == events[4:]
    assert client.responses.retrieve(response["id"]).to_dict() == events[-1]["response"]


def test_a_conversation_shares_its_prefix_and_outlives_the_server(
    start: Starter, tmp_path: Path
) -> None:
    options = ("--demo", "-np", "1", *ONE_THREAD, "--responses-store", tmp_path / "responses.db")
    server = start(*options)
    previous: str | None = None
    with client_of(server) as client:
        n_before = 0
        for question in ("My name is Ada.", "I like tea.", "And you?", "Why?", "Well then."):
            answer = client.responses.create(
                input=question, previous_response_id=previous, **GREEDY
            )
            assert answer.usage
            # all of the last prompt, and what was said to it but for its last token or so
            assert answer.usage.input_tokens_details.cached_tokens >= n_before - 4
            n_before, previous = answer.usage.total_tokens, answer.id
        items = client.responses.input_items.list(previous or "", order="asc").data
        assert len(items) == 9
    assert server.stop() == 0
    with client_of(start(*options)) as client:
        answer = client.responses.create(input="Bye.", previous_response_id=previous, **GREEDY)
        assert answer.usage and answer.usage.input_tokens > n_before
        client.responses.delete(previous or "")
        with pytest.raises(openai.BadRequestError) as caught:
            client.responses.create(input="Bye.", previous_response_id=answer.id, **GREEDY)
        assert caught.value.param == "previous_response_id"
