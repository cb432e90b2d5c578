"""Tools through the official client for Python, against the real server and a real model.

SmolLM2 knows nothing of the template's format: that it calls is the grammar's doing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.chat.streams import templates_folder
from tests.e2e import live

pytestmark = [pytest.mark.model, pytest.mark.upstream]

PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 20},
        "days": {"type": "integer", "minimum": 1, "maximum": 9},
    },
    "required": ["city", "days"],
}
TOOLS: Any = [
    {
        "type": "function",
        "function": {"name": "weather", "description": "Weather", "parameters": PARAMETERS},
    }
]
QUESTION: Any = [{"role": "user", "content": "Weather in Oslo?"}]
GREEDY: dict[str, Any] = {"model": "any", "temperature": 0.0, "max_tokens": 96, "tools": TOOLS}


@pytest.fixture(scope="module")
def client(smollm2_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    log_path = tmp_path_factory.mktemp("tools") / "log"
    template = templates_folder() / "Qwen-Qwen2.5-7B-Instruct.jinja"
    options = ("-c", "2048", "-np", "1", "--chat-template-file", template)
    server = live.start(["-m", smollm2_path, *options], log_path)
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as made:
        yield made
    try:
        assert server.stop() == 0
    finally:
        server.kill()


def test_a_tool_is_called_and_its_result_answered(client: openai.OpenAI) -> None:
    asked = client.chat.completions.create(
        messages=QUESTION, tool_choice="required", parallel_tool_calls=False, **GREEDY
    ).choices[0]
    assert asked.finish_reason == "tool_calls"
    assert asked.message.tool_calls
    (call,) = asked.message.tool_calls
    assert call.type == "function"
    assert call.function.name == "weather"
    arguments = json.loads(call.function.arguments)
    assert isinstance(arguments["city"], str)
    assert arguments["days"] in range(1, 10)
    # the client's own form of the message goes back as it is
    told: Any = {"role": "tool", "tool_call_id": call.id, "content": '{"sky": "clear"}'}
    answered = client.chat.completions.create(
        messages=[*QUESTION, asked.message, told],
        tool_choice="none",
        **(GREEDY | {"max_tokens": 8}),
    ).choices[0]
    assert answered.message.content
    assert not answered.message.tool_calls


def test_a_streamed_call_is_the_one_that_is_not_streamed(client: openai.OpenAI) -> None:
    wish: dict[str, Any] = {
        "messages": QUESTION,
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "parallel_tool_calls": False,
        # in the same cells and shapes: the city is any text, and the model hardly sure of one
        "extra_body": {"cache_prompt": False},
        **GREEDY,
    }
    whole = client.chat.completions.create(**wish).choices[0]
    assert whole.message.tool_calls
    name, arguments, reasons, ids = "", "", [], set()
    for chunk in client.chat.completions.create(stream=True, **wish):
        choice = chunk.choices[0]
        for delta in choice.delta.tool_calls or ():
            assert delta.index == 0
            assert delta.function
            ids |= {delta.id} - {None}
            name += delta.function.name or ""
            arguments += delta.function.arguments or ""
        reasons += [choice.finish_reason] if choice.finish_reason else []
    function = whole.message.tool_calls[0].function
    assert (name, arguments) == (function.name, function.arguments)
    assert (reasons, len(ids)) == (["tool_calls"], 1)
