"""What a conversation in Anthropic's terms puts into the prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.conftest import ServerMaker
from tests.api.messages.asking import HI
from tests.api.messages.asking import SCHEMA
from tests.api.messages.asking import WEATHER
from tests.api.messages.asking import chat_of
from tests.api.messages.asking import message
from tests.api.messages.asking import prompt_of
from tests.api.messages.asking import server_of


def test_blocks_become_messages_where_they_stand() -> None:
    assert chat_of(
        {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {}}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "x"},
                {"type": "redacted_thinking", "data": "x"},
                {"type": "text", "text": "b"},
                {"type": "tool_use", "id": "1", "name": "f", "input": {"x": "\u00e9"}},
                {"type": "tool_use", "id": "2", "name": "g", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "1", "content": "c"},
                {
                    "type": "tool_result",
                    "tool_use_id": "2",
                    "is_error": True,
                    "content": [{"type": "text", "text": "d"}, {"type": "text", "text": "e"}],
                },
                {"type": "tool_result", "tool_use_id": "3"},
                {"type": "text", "text": "f"},
            ],
        },
    ) == [
        {"role": "user", "content": [{"type": "text", "text": "a"}]},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "b"}],
            "reasoning_content": "Hm.",
            "tool_calls": [
                {
                    "id": "1",
                    "type": "function",
                    "function": {"name": "f", "arguments": '{"x":"\u00e9"}'},
                },
                {"id": "2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "c"},
        {"role": "tool", "tool_call_id": "2", "content": "de"},
        {"role": "tool", "tool_call_id": "3", "content": ""},
        {"role": "user", "content": [{"type": "text", "text": "f"}]},
    ]


def test_neighbours_of_one_role_are_one_turn() -> None:
    assert chat_of(
        {"role": "user", "content": "a"},
        {"role": "user", "content": [{"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "c"},
    ) == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "c"},
    ]


def test_images_become_parts_wherever_they_stand() -> None:
    inline = {"type": "base64", "media_type": "image/png", "data": "AA=="}
    linked = {"type": "url", "url": "http://host/a.png"}
    images = [{"type": "image", "source": source} for source in (inline, linked)]
    urls = ["data:image/png;base64,AA==", "http://host/a.png"]
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    result = {"type": "tool_result", "tool_use_id": "1", "content": images}
    assert chat_of({"role": "user", "content": [*images, result]}) == [
        {"role": "user", "content": parts},
        {"role": "tool", "tool_call_id": "1", "content": parts},
    ]


def test_documents_and_search_results_are_text() -> None:
    text = {"type": "text", "media_type": "text/plain", "data": "b"}
    content = [
        {"type": "document", "title": "a", "source": text},
        {"type": "document", "source": {"type": "content", "content": "c"}},
        {
            "type": "search_result",
            "title": "d",
            "source": "http://e",
            "content": [{"type": "text", "text": "f"}],
        },
    ]
    (found,) = chat_of({"role": "user", "content": content})
    assert [part["text"] for part in found["content"]] == ["a", "b", "c", "d\nhttp://e", "f"]


def test_a_system_prompt_is_a_text_or_blocks_of_it() -> None:
    blocks = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    for system, text in (("a", "a"), (blocks, "ab"), ("", "")):
        first, _ = chat_of(*HI, system=system)
        assert first == {"role": "system", "content": text}


HEADER = "x-anthropic-billing-header: cc_version=2.1.101.e51; cc_entrypoint=cli; cch={};"


@pytest.mark.parametrize(
    "system",
    [
        lambda value: HEADER.format(value) + "You are an agent.",
        lambda value: [
            {"type": "text", "text": HEADER.format(value)},
            {"type": "text", "text": "You are an agent."},
        ],
    ],
)
def test_a_billing_header_leaves_the_prefix_as_it_is_unless_it_is_to_be_kept(
    serve: ServerMaker, system: Callable[[str], object]
) -> None:
    for option, is_alike in ({}, True), ({"keep_billing_header": "on"}, False):
        server = server_of(serve, "", **option)
        first = message(server, system=system("a5145"))["usage"]
        again = message(server, system=system("0c3d2"))["usage"]
        n = first["input_tokens"]
        assert (again["cache_read_input_tokens"] >= n - 1) is is_alike
    texts = [
        chat_of(*HI, system=HEADER.format(value))[0]["content"] for value in ("a5145", "ffffffff")
    ]
    assert texts == [HEADER.format("fffff")] * 2


@pytest.mark.parametrize("text", ["x cch=12345;", "x-anthropic-billing-header: a=1;\ncch=12345;"])
def test_other_texts_are_left_alone(text: str) -> None:
    assert chat_of(*HI, system=text)[0]["content"] == text


def test_tools_become_functions_and_those_of_anthropics_servers_are_left_out() -> None:
    chat = prompt_of(
        {
            "messages": HI,
            "tools": [
                {"type": "web_search_20250305", "name": "web_search"},
                WEATHER | {"type": "custom", "strict": True, "cache_control": {}},
            ],
        }
    )
    function = {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": SCHEMA,
        "strict": True,
    }
    assert chat["tools"] == [{"type": "function", "function": function}]


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, {"max_tokens": 4096, "stop": []}),
        ({"stop_sequences": ["a"], "max_tokens": 3}, {"stop": ["a"], "max_tokens": 3}),
        ({"tool_choice": {"type": "auto"}}, {"tool_choice": "auto"}),
        ({"tool_choice": {"type": "none"}}, {"tool_choice": "none"}),
        ({"tool_choice": {"type": "any"}, "tools": [WEATHER]}, {"tool_choice": "required"}),
        (
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
            {"parallel_tool_calls": False},
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 5}},
            {"thinking_budget_tokens": 5, "chat_template_kwargs": {"enable_thinking": True}},
        ),
        ({"thinking": {"type": "enabled"}}, {"thinking_budget_tokens": 10000}),
        (
            {"thinking": {"type": "disabled"}, "chat_template_kwargs": {"a": 1}},
            {"chat_template_kwargs": {"enable_thinking": False, "a": 1}},
        ),
        ({"output_config": {"effort": "low"}}, {"reasoning_effort": "low"}),
        ({"output_config": {"effort": "max"}}, {"reasoning_effort": "high"}),
        ({"top_k": 3, "seed": 7, "temperature": 0.5}, {"top_k": 3, "seed": 7, "temperature": 0.5}),
    ],
)
def test_fields_become_those_of_a_chat(fields: dict[str, Any], wanted: dict[str, Any]) -> None:
    chat = prompt_of({"messages": HI, **fields})
    assert wanted.items() <= chat.items()


def test_what_means_something_else_here_is_left_out() -> None:
    chat = prompt_of({"messages": HI, "n": 3, "prompt": "x", "stop": ["a"], "speed": "fast"})
    assert not {"n", "prompt", "speed"} & set(chat)
    assert chat["stop"] == []
