"""What agents for code send to `/v1/responses`: all of it at once, as Codex does."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.api.responses.asking import URL
from tests.api.responses.asking import Scripted
from tests.api.responses.asking import events

HEADERS = {
    "authorization": "Bearer none",
    "openai-beta": "responses=experimental",
    "session_id": "s",
}
SHELL: dict[str, Any] = {
    "type": "function",
    "name": "shell",
    "description": "Runs a command.",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {
            "command": {"type": "array", "items": {"type": "string"}},
            "workdir": {"type": "string"},
            "timeout_ms": {"type": "number"},
        },
        "required": ["command"],
        "additionalProperties": False,
    },
}
PATCH = {"type": "custom", "name": "apply_patch", "description": "Changes files."}
SKIPPED: list[dict[str, Any]] = [
    {"type": "local_shell"},
    {"type": "web_search", "external_web_access": False},
    {"type": "image_generation", "output_format": "png"},
    {"type": "mcp", "server_label": "x", "server_url": "http://x"},
]


def text(role: str, said: str) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": said}]}


def body(**changes: object) -> dict[str, Any]:
    """One request in the middle of some work."""
    return {
        "model": "gpt-5-codex",
        "instructions": "You are an agent for code.",
        "input": [
            text("developer", "<permissions>none</permissions>"),
            text("user", "<environment_context>here</environment_context>"),
            text("user", "Fix a.py"),
            {
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": "I look first."}],
                "content": None,
                "encrypted_content": "gAAAAABo",
            },
            {
                "type": "function_call",
                "name": "shell",
                "arguments": '{"command":["cat","a.py"]}',
                "call_id": "call_1",
            },
            {"type": "function_call_output", "call_id": "call_1", "output": "def f(): ..."},
            {
                "type": "custom_tool_call",
                "status": "completed",
                "call_id": "call_2",
                "name": "apply_patch",
                "input": "*** Begin Patch",
            },
            {"type": "custom_tool_call_output", "call_id": "call_2", "output": "Done"},
            text("assistant", "I changed it."),
            text("user", "And b.py"),
        ],
        "tools": [SHELL, PATCH, *SKIPPED],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199",
        "client_metadata": {"x-codex-installation-id": "1"},
        "text": {"verbosity": "medium"},
        "something_new": {"nobody": ["knows", 1]},
    } | changes


def test_all_that_an_agent_sends_comes_to_a_prompt(
    says: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    prompt = says.prompt(**body())
    assert prompt.count("TOOL ") == 2
    turns = prompt.split("<|im_start|>")[1:]
    assert [turn.partition("\n")[0] for turn in turns] == [
        *("system", "system", "user", "user", "assistant", "tool", "assistant", "tool"),
        *("assistant", "user", "assistant"),
    ]
    assert turns[4] == (
        "assistant\n<think>\nI look first.\n</think>\n\n<tool_call>\n"
        '{"name": "shell", "arguments": {"command": ["cat", "a.py"]}}\n</tool_call><|im_end|>\n'
    )
    assert "*** Begin Patch" in turns[6]
    skipped = [record.getMessage() for record in caplog.records]
    assert [tool["type"] in line for tool, line in zip(SKIPPED, skipped, strict=True)] == [True] * 4


def test_the_answer_comes_in_events_and_goes_back_as_it_came(says: Scripted) -> None:
    call = '<tool_call>\n{"name": "shell", "arguments": {"command": ["ls"]}}\n</tool_call>'
    found = events(says.post(f"<think>\nHm.\n</think>\n\nI look. {call}", **body()))
    output = [event["item"] for event in found if event["type"] == "response.output_item.done"]
    assert [item["type"] for item in output] == ["reasoning", "message", "function_call"]
    assert found[-1]["response"]["store"] is False
    told = {"type": "function_call_output", "call_id": output[2]["call_id"], "output": "b.py"}
    prompt = says.prompt(**body(input=[*body()["input"], *output, told]))
    said = prompt.split("<|im_start|>")[-3]
    assert said.startswith("assistant\n<think>\nHm.\n") and "I look." in said
    assert said.endswith(f"{call}<|im_end|>\n")
    assert prompt.endswith("<|im_start|>tool\nb.py<|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"type": "local_shell_call", "call_id": "c", "action": {"type": "exec"}}, "input[0].type"),
        ({"type": "web_search_call", "status": "completed"}, "input[0].type"),
        (
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_image", "image_url": "data:image/png;base64,AA=="}],
            },
            "input[0]",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused_by_its_place(
    says: Scripted, item: dict[str, Any], param: str
) -> None:
    reply = says.client.post(URL, json=body(input=[item]), headers=HEADERS)
    assert reply.status_code == 400
    assert orjson.loads(reply.data)["error"]["param"] == param
