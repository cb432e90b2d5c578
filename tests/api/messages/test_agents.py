"""What agents for code send to `/v1/messages`: all of it at once, as Claude Code does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from server.engine.task import StopType
from tests.api.anthropic_events import added_up
from tests.api.anthropic_events import assert_refused
from tests.api.messages.asking import INVALID
from tests.api.messages.asking import PATH
from tests.api.messages.asking import THOUGHT
from tests.api.scripted import ScriptedEngine
from tests.api.scripted import finished
from tests.api.scripted import token
from tests.api.test_chat_tools import TEMPLATE
from tests.fakes import info

N_CTX = 200_000
BILLING = "x-anthropic-billing-header: cc_version=2.1.101.e51; cc_entrypoint=cli; cch={};"
HEADERS = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,"
    "context-management-2025-06-27",
    "authorization": "Bearer none",
    "x-stainless-lang": "js",
    "user-agent": "claude-cli/2.1.101 (external, cli)",
}
CACHED = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
Scripted = Callable[..., tuple[ScriptedEngine, Flask]]


def tool(i: int) -> dict[str, Any]:
    """A tool with a schema of some size."""
    properties = {
        f"option_{n}": {"type": ["string", "null"], "description": f"What option {n} is for. " * 5}
        for n in range(8)
    }
    todo = {
        "type": "object",
        "properties": {
            "content": {"type": "string", "minLength": 1},
            "status": {"type": "string", "enum": ["pending", "in_progress", "completed"]},
        },
        "required": ["content", "status"],
        "additionalProperties": False,
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties
        | {"path": {"type": "string"}, "todos": {"type": "array", "items": todo}},
        "required": ["path"],
        "additionalProperties": False,
    }
    return {"name": f"Tool{i}", "description": f"Does thing {i}. " * 40, "input_schema": schema}


def body(value: str = "a5145") -> dict[str, Any]:
    """One request in the middle of some work."""
    use = {"type": "tool_use", "id": "toolu_01", "name": "Tool3", "input": {"path": "/a.py"}}
    result = {
        "type": "tool_result",
        "tool_use_id": "toolu_01",
        "content": [{"type": "text", "text": "def f(): ..."}],
        "is_error": False,
    }
    return {
        "model": "claude-opus-4-5",
        "max_tokens": 32_000,
        "stream": True,
        "temperature": 1,
        "system": [
            {"type": "text", "text": BILLING.format(value)},
            {"type": "text", "text": "You are an agent for code.", **CACHED},
            {"type": "text", "text": "\nKeep to the rules. " * 200, **CACHED},
        ],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "<system-reminder>Today.</system-reminder>"},
                    {"type": "text", "text": "Fix a.py", **CACHED},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "I look first.", "signature": "EqQBCkYIA=="},
                    {"type": "redacted_thinking", "data": "EmwKAhgB"},
                    {"type": "text", "text": "I look at it."},
                    use | {"caller": {"type": "direct"}},
                ],
            },
            {"role": "user", "content": [result | CACHED]},
        ],
        "tools": [
            *(tool(i) | {"eager_input_streaming": True} for i in range(24)),
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 8},
        ],
        "thinking": {"type": "enabled", "budget_tokens": 31_999},
        "metadata": {"user_id": "user_1_account__session_2"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "high"},
        "container": None,
        "speed": "fast",
        "something_new": {"nobody": ["knows", 1]},
    }


@pytest.fixture
def agent(scripted: Scripted) -> tuple[ScriptedEngine, Flask]:
    engine, app = scripted(chat_template=TEMPLATE)
    engine.show(info=info(n_ctx_slot=N_CTX, n_ctx=N_CTX))
    return engine, app


def prompt_of(agent: tuple[ScriptedEngine, Flask], asked: dict[str, Any]) -> str:
    """What the model is shown."""
    engine, app = agent
    prompts = []

    def answer(task: Any) -> list[Any]:
        prompts.append(bytes(i for i in task.prompt.tolist() if i < 256).decode())
        return [finished(task, "", stop_type=StopType.EOS)]

    with engine.answering(answer):
        reply = app.test_client().post(f"{PATH}?beta=true", json=asked, headers=HEADERS)
    assert reply.status_code == 200, reply.text
    return prompts[0]


def test_all_that_an_agent_sends_comes_to_a_prompt(agent: tuple[ScriptedEngine, Flask]) -> None:
    prompt = prompt_of(agent, body())
    assert prompt.count("TOOL ") == 24
    system, user, assistant, result = prompt.split("<|im_start|>")[1:5]
    assert system.startswith("system\n" + BILLING.format("fffff") + "You are an agent for code.\n")
    assert user.startswith("user\n") and "Fix a.py" in user
    assert assistant == (
        "assistant\n<think>\nI look first.\n</think>\n\nI look at it.<tool_call>\n"
        '{"name": "Tool3", "arguments": {"path": "/a.py"}}\n</tool_call><|im_end|>\n'
    )
    assert result == "tool\ndef f(): ...<|im_end|>\n"


def test_the_prompt_is_the_same_for_every_billing_header(
    agent: tuple[ScriptedEngine, Flask],
) -> None:
    assert prompt_of(agent, body("a5145")) == prompt_of(agent, body("0c3d2"))


def test_the_answer_comes_in_events_that_add_up(agent: tuple[ScriptedEngine, Flask]) -> None:
    engine, app = agent
    call = '{"name": "Tool5", "arguments": {"path": "/b"}}'
    said = f"{THOUGHT}I edit.\n<tool_call>\n{call}\n</tool_call>"
    with engine.answering(
        lambda task: [token(task, said), finished(task, "", stop_type=StopType.EOS)]
    ):
        reply = app.test_client().post(f"{PATH}?beta=true", json=body(), headers=HEADERS)
    found = added_up(reply.data)
    assert [block["type"] for block in found["content"]] == ["thinking", "text", "tool_use"]
    assert (found["content"][-1]["input"], found["stop_reason"]) == ({"path": "/b"}, "tool_use")


def test_its_tokens_are_counted(agent: tuple[ScriptedEngine, Flask]) -> None:
    asked = body()
    n = len(prompt_of(agent, asked)) + 1  # and the BOS
    known = ("model", "messages", "system", "tools", "thinking", "output_config")
    counted = {key: asked[key] for key in (*known, "context_management")}
    url = f"{PATH}/count_tokens?beta=true"
    reply = agent[1].test_client().post(url, json=counted, headers=HEADERS)
    assert reply.json == {"input_tokens": n}


def test_a_picture_is_refused_in_words(agent: tuple[ScriptedEngine, Flask]) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    for block in (
        {"type": "image", "source": source},
        {
            "type": "tool_result",
            "tool_use_id": "toolu_01",
            "content": [{"type": "image", "source": source}],
        },
    ):
        asked = body()
        asked["messages"][2]["content"].append(block)
        reply = agent[1].test_client().post(f"{PATH}?beta=true", json=asked, headers=HEADERS)
        said = assert_refused(reply, 400, INVALID)
        assert said.startswith("messages[2]: image input is not supported")
