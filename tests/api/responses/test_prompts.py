"""What a model is shown of items, tools and settings, and what it may answer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from server.engine.task import StopType
from tests.api.conftest import ServerMaker
from tests.api.responses.asking import NOTE
from tests.api.responses.asking import TOOL
from tests.api.responses.asking import URL
from tests.api.responses.asking import Scripted
from tests.api.responses.asking import events
from tests.api.responses.asking import read
from tests.api.scripted import finished
from tests.api.test_chat_tools import server_of


def test_items_become_messages(says: Scripted) -> None:
    given = [
        {"role": "user", "content": "Weather?"},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "I look."}],
        },
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "fair"},
        {"role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
    ]
    assert says.prompt(input=given, instructions="You are kind.") == (
        "<|im_start|>system\nYou are kind.<|im_end|>\n"
        "<|im_start|>user\nWeather?<|im_end|>\n"
        "<|im_start|>assistant\n<think>\nHm.\n</think>\n\nI look.<tool_call>\n"
        '{"name": "weather", "arguments": {}}\n</tool_call><|im_end|>\n'
        "<|im_start|>tool\nfair<|im_end|>\n"
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_effort_and_limits_reach_the_chat(scripted: Any) -> None:
    says = Scripted(*scripted(chat_template="{{ reasoning_effort }} {{ messages[0].content }}"))
    tasks = []

    def answer(task: Any) -> list[Any]:
        tasks.append(task)
        return [finished(task, "", stop_type=StopType.EOS)]

    wish = {"input": "hi", "reasoning": {"effort": "low"}, "max_output_tokens": 7, "top_k": 3}
    with says.engine.answering(answer):
        read(says.client.post(URL, json=wish))
    (task,) = tasks
    assert bytes(i for i in task.prompt.tolist() if i < 256) == b"low hi"
    assert (task.n_predict, task.sampling.top_k) == (7, 3)


def test_thoughts_come_back_sealed(says: Scripted) -> None:
    include = ["reasoning.encrypted_content"]
    found = read(says.post("<think>\nHm.\n</think>\n\nHi", include=include, store=False))
    thoughts, message = found["output"]
    sealed = {
        "type": "reasoning",
        "summary": [],
        "encrypted_content": thoughts["encrypted_content"],
    }
    prompt = says.prompt(
        input=[{"role": "user", "content": "a"}, sealed, message, {"role": "user", "content": "b"}]
    )
    assert "<think>\nHm.\n" in prompt


def test_unknown_tools_are_skipped_with_a_warning(
    says: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    prompt = says.prompt(tools=[{"type": "web_search"}, TOOL, {"type": "mcp", "server_label": "x"}])
    assert prompt.count("TOOL") == 1
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "tools[0]" in caplog.text and "web_search" in caplog.text


@pytest.mark.parametrize(
    "choice",
    [
        "required",
        {"type": "function", "name": "weather"},
        {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "weather"}],
        },
    ],
)
def test_a_call_can_be_forced(serve: ServerMaker, choice: object) -> None:
    client = server_of(serve, "I would rather not.").client
    body = {
        "input": "hi",
        "tools": [TOOL, NOTE],
        "tool_choice": choice,
        "parallel_tool_calls": False,
    }
    (call,) = read(client.post(URL, json=body))["output"]
    assert call["type"] in ("function_call", "custom_tool_call")


def test_the_text_of_a_custom_tool_keeps_to_its_expression(serve: ServerMaker) -> None:
    tool = NOTE | {"format": {"type": "grammar", "syntax": "regex", "definition": "[0-9]{2}"}}
    body = {
        "input": "hi",
        "tools": [tool],
        "tool_choice": {"type": "custom", "name": "note"},
        "parallel_tool_calls": False,
    }
    (call,) = read(server_of(serve, "Never.").client.post(URL, json=body))["output"]
    assert call["type"] == "custom_tool_call"
    assert call["input"].isdigit() and len(call["input"]) == 2


def test_the_answer_keeps_to_a_schema(serve: ServerMaker) -> None:
    schema = {"type": "object", "properties": {"n": {"const": 7}}, "required": ["n"]}
    wanted = {"format": {"type": "json_schema", "name": "n", "schema": schema}}
    found = read(
        server_of(serve, '{"n": 8}').client.post(URL, json={"input": "hi", "text": wanted})
    )
    assert orjson.loads(found["output"][0]["content"][0]["text"]) == {"n": 7}
    assert found["text"] == wanted


def test_probabilities_are_included_where_asked_for(serve: ServerMaker) -> None:
    client = server_of(serve, "Hi").client
    fields = {"input": "hi", "include": ["message.output_text.logprobs"], "top_logprobs": 2}
    (message,) = read(client.post(URL, json=fields))["output"]
    rows = message["content"][0]["logprobs"]
    assert [row["token"] for row in rows[:2]] == ["H", "i"]
    assert len(rows[0]["top_logprobs"]) == 2
    found = events(server_of(serve, "Hi").client.post(URL, json=fields | {"stream": True}))
    deltas = [event["logprobs"] for event in found if event["type"].endswith("text.delta")]
    assert [row["token"] for rows in deltas for row in rows] == ["H", "i"]


def test_tokens_are_counted(says: Scripted) -> None:
    reply = says.client.post(
        f"{URL}/input_tokens", json={"input": "hi", "instructions": "Be brief."}
    )
    expected = len(says.prompt(instructions="Be brief.")) + 1  # and the BOS
    assert orjson.loads(reply.data) == {"object": "response.input_tokens", "input_tokens": expected}


def test_a_conversation_that_is_too_long_loses_its_oldest_turns(says: Scripted) -> None:
    given = [{"role": "system", "content": "Stay."}]
    given += [{"role": "user", "content": f"{i:04}" + "x" * 200} for i in range(40)]
    reply = says.client.post(URL, json={"input": given})
    assert orjson.loads(reply.data)["error"]["type"] == "exceed_context_size_error"
    prompt = says.prompt(input=given, truncation="auto", max_output_tokens=100)
    assert "Stay." in prompt and "0039x" in prompt and "0000x" not in prompt
    assert 4096 - 100 - 300 < len(prompt) <= 4096 - 100
