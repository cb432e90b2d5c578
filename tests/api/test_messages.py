"""`/v1/messages`: what goes into the prompt, what comes out, in Anthropic's terms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.api.chat_prompt import make_chat_job
from server.api.chat_prompt import render_chat
from server.api.messages import MessagesFormat
from server.api.messages_body import chat_body
from server.engine.task import ErrorKind
from server.engine.task import Failed
from server.engine.task import StopType
from server.engine.task import Timings
from server.schema import openai_chat_body
from tests.api.anthropic_events import added_up
from tests.api.anthropic_events import assert_error_payload
from tests.api.anthropic_events import assert_refused
from tests.api.anthropic_events import named_events
from tests.api.conftest import Server
from tests.api.conftest import ServerMaker
from tests.api.scripted import ScriptedEngine
from tests.api.scripted import finished
from tests.api.scripted import token
from tests.api.test_chat_tools import CALL
from tests.api.test_chat_tools import ROOMY
from tests.api.test_chat_tools import TEMPLATE
from tests.fakes import Rule
from tests.fakes import says

PATH = "/v1/messages"
INVALID = "invalid_request_error"
HI = [{"role": "user", "content": "hi"}]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"enum": ["Oslo", "Paris"]}},
    "required": ["city"],
}
WEATHER = {"name": "weather", "description": "The weather of a city", "input_schema": SCHEMA}
THOUGHT = "<think>\nHm.\n</think>\n\n"


def server_of(serve: ServerMaker, text: str | Rule, **options: str) -> Server:
    rule = says(text.encode()) if isinstance(text, str) else text
    return serve(rule, ROOMY, chat_template=TEMPLATE, **options)


def message(server: Server, **fields: object) -> dict[str, Any]:
    reply = server.client.post(PATH, json={"messages": HI, "max_tokens": 400, **fields})
    assert reply.status_code == 200, reply.text
    assert reply.headers["request-id"].startswith("req_")
    found: dict[str, Any] = orjson.loads(reply.data)
    return found


def streamed(server: Server, **fields: object) -> bytes:
    body = {"messages": HI, "max_tokens": 400, "stream": True, **fields}
    reply = server.client.post(PATH, json=body)
    assert reply.content_type == "text/event-stream", reply.text
    return bytes(reply.data)


def prompt_of(body: dict[str, Any], *, keeps_billing: bool = False) -> Any:
    """The body of the chat that a conversation becomes."""
    return chat_body(body, keeps_billing=keeps_billing).body


def chat_of(*messages: dict[str, Any], **fields: object) -> Any:
    return prompt_of({"messages": list(messages), **fields})["messages"]


def without_ids(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in block.items() if k != "id"} for block in blocks]


# what comes out


def test_a_message_has_blocks_a_reason_and_counts(serve: ServerMaker) -> None:
    found = message(server_of(serve, "hey"))
    assert found.pop("id").startswith("msg_")
    usage = found.pop("usage")
    assert found == {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "hey"}],
        "model": "/models/fake.gguf",
        "stop_reason": "end_turn",
        "stop_sequence": None,
    }
    assert usage["output_tokens"] == 4
    assert usage["cache_creation_input_tokens"] == 0
    assert usage["input_tokens"] > 0


def test_cached_tokens_are_no_input(serve: ServerMaker) -> None:
    server = server_of(serve, "")
    first = message(server)["usage"]
    again = message(server)["usage"]
    assert first["cache_read_input_tokens"] == 0
    assert again["cache_read_input_tokens"] > 0
    assert again["input_tokens"] + again["cache_read_input_tokens"] == first["input_tokens"]


def test_thoughts_text_and_calls_are_blocks_in_their_order(serve: ServerMaker) -> None:
    found = message(server_of(serve, f"{THOUGHT}Let me see.\n{CALL}"), tools=[WEATHER])
    assert found["stop_reason"] == "tool_use"
    assert found["content"][-1]["id"]
    assert without_ids(found["content"]) == [
        {"type": "thinking", "thinking": "Hm.\n", "signature": ""},
        {"type": "text", "text": "Let me see.\n"},
        {"type": "tool_use", "name": "weather", "input": {"city": "Oslo"}},
    ]


def test_the_events_of_a_stream_come_in_their_order(serve: ServerMaker) -> None:
    raw = streamed(server_of(serve, f"{THOUGHT}Hi {CALL}"), tools=[WEATHER])
    events = named_events(raw)
    assert all(name == payload["type"] for name, payload in events)
    names = [
        payload["delta"]["type"] if name == "content_block_delta" else name
        for name, payload in events
    ]
    squeezed = [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
    assert squeezed == [
        "message_start",
        "ping",
        *("content_block_start", "thinking_delta", "signature_delta", "content_block_stop"),
        *("content_block_start", "text_delta", "content_block_stop"),
        *("content_block_start", "input_json_delta", "content_block_stop"),
        "message_delta",
        "message_stop",
    ]
    started = events[0][1]["message"]
    assert (started["content"], started["stop_reason"]) == ([], None)
    assert started["usage"]["output_tokens"] == 0
    blocks = [data["content_block"] for name, data in events if name == "content_block_start"]
    assert blocks[0] == {"type": "thinking", "thinking": "", "signature": ""}
    assert blocks[1] == {"type": "text", "text": ""}
    assert blocks[2]["input"] == {} and blocks[2]["name"] == "weather"
    assert [data["index"] for name, data in events if name == "content_block_stop"] == [0, 1, 2]


TEXTS = [
    "Hello.",
    "",
    "caf\u00e9 \u2192 \U0001f600",
    f"{THOUGHT}Hi.",
    f"Hm.\n{CALL}",
    f"{THOUGHT}Let me see.\n{CALL}\n{CALL}",
    "no <tool_call",
]


def format_of(server: Server, **fields: object) -> tuple[MessagesFormat, Any]:
    """A format, and the only task of its job."""
    body: dict[str, Any] = {"messages": HI, "tools": [WEATHER], "stream": True, **fields}
    service = server.app.extensions["llamactl"]
    with server.app.test_request_context(PATH, method="POST", data=b"{}"):
        chat = chat_body(body, keeps_billing=False).body
        job = make_chat_job(service, openai_chat_body(chat), render_chat(service, chat))
    return MessagesFormat(job, body, "req_1"), job.tasks[0]


@pytest.mark.parametrize("fields", [{}, {"thinking": {"type": "adaptive", "display": "omitted"}}])
@pytest.mark.parametrize("text", TEXTS)
def test_the_official_client_adds_up_any_stream_to_the_whole_message(
    serve: ServerMaker, text: str, fields: dict[str, object]
) -> None:
    server = server_of(serve, "")
    end = {"stop_type": StopType.EOS, "timings": Timings(n_decoded=9)}
    form, task = format_of(server, **fields)
    whole: Any = form.whole([finished(task, text, **end)])
    for split in range(len(text) + 1):
        form, task = format_of(server, **fields)
        raw = b"".join(form.token(token(task, part), 0) for part in (text[:split], text[split:]))
        found = added_up(raw + form.last(finished(task, "", **end), 0) + form.done)
        assert without_ids(found["content"]) == without_ids(whole["content"])
        for key in ("stop_reason", "usage", "model", "role", "type"):
            assert found[key] == whole[key], (split, key)


def test_thoughts_are_not_shown_where_the_client_leaves_them_out(serve: ServerMaker) -> None:
    found = message(
        server_of(serve, f"{THOUGHT}Hi."), thinking={"type": "adaptive", "display": "omitted"}
    )
    assert found["content"] == [
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "text", "text": "Hi."},
    ]


@pytest.mark.parametrize(
    ("fields", "reason", "sequence", "text"),
    [
        ({}, "end_turn", None, "one two"),
        ({"max_tokens": 3}, "max_tokens", None, "one"),
        ({"stop_sequences": [" t"]}, "stop_sequence", " t", "one"),
        ({"stop_sequences": ["zzz"]}, "end_turn", None, "one two"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_it_says_why_it_ended(
    serve: ServerMaker,
    fields: dict[str, object],
    reason: str,
    sequence: str | None,
    text: str,
    stream: bool,
) -> None:
    server = server_of(serve, "one two")
    found = added_up(streamed(server, **fields)) if stream else message(server, **fields)
    assert (found["stop_reason"], found["stop_sequence"]) == (reason, sequence)
    assert [block["text"] for block in found["content"]] == [text]


def test_nothing_is_generated_for_no_tokens_but_the_prompt_is_cached(serve: ServerMaker) -> None:
    server = server_of(serve, "hey")
    found = message(server, max_tokens=0)
    assert (found["content"], found["stop_reason"]) == ([], "max_tokens")
    assert message(server)["usage"]["cache_read_input_tokens"] > 0


def test_what_the_client_began_is_no_part_of_the_answer(serve: ServerMaker) -> None:
    begun = [*HI, {"role": "assistant", "content": "One"}]
    server = server_of(serve, " day")
    assert message(server, messages=begun)["content"] == [{"type": "text", "text": " day"}]
    server = server_of(serve, " day")
    found = added_up(streamed(server, messages=begun))
    assert [block["text"] for block in found["content"]] == [" day"]


def test_a_schema_binds_the_answer(serve: ServerMaker) -> None:
    form = {"type": "json_schema", "schema": SCHEMA | {"additionalProperties": False}}
    for fields in ({"output_config": {"format": form}}, {"output_format": form}):
        (block,) = message(serve(says(b"never JSON"), ROOMY), **fields)["content"]
        assert orjson.loads(block["text"])["city"] in ("Oslo", "Paris")


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "weather"}])
def test_a_forced_call_is_one_whatever_the_model_wants(
    serve: ServerMaker, choice: dict[str, object]
) -> None:
    choice = choice | {"disable_parallel_tool_use": True}
    server = server_of(serve, "I would rather not.")
    found = message(server, tools=[WEATHER], tool_choice=choice)
    (call,) = found["content"]
    assert (call["type"], call["name"]) == ("tool_use", "weather")
    assert call["input"]["city"] in ("Oslo", "Paris")
    assert found["stop_reason"] == "tool_use"


def test_calls_are_text_where_none_are_wanted(serve: ServerMaker) -> None:
    found = message(server_of(serve, CALL), tools=[WEATHER], tool_choice={"type": "none"})
    assert found["content"] == [{"type": "text", "text": CALL}]


def test_a_call_that_broke_off_has_an_empty_input(serve: ServerMaker) -> None:
    n = CALL.index("Oslo")
    found = message(server_of(serve, CALL), tools=[WEATHER], max_tokens=n)
    assert (found["content"][-1]["input"], found["stop_reason"]) == ({}, "max_tokens")


def test_tokens_are_counted_as_they_are_computed(serve: ServerMaker) -> None:
    server = server_of(serve, "")
    body = {"messages": HI, "system": "Be brief.", "tools": [WEATHER]}
    reply = server.client.post(f"{PATH}/count_tokens", json=body)
    assert reply.status_code == 200, reply.text
    usage = message(server, **body)["usage"]
    assert reply.json == {"input_tokens": usage["input_tokens"]}


# what goes into the prompt


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


def test_a_thinking_budget_ends_thoughts(serve: ServerMaker) -> None:
    text = "<think>\n" + "Hm. " * 20 + "\n</think>\n\nHi."
    found = message(
        server_of(serve, text), thinking={"type": "enabled", "budget_tokens": 4}, max_tokens=200
    )
    assert found["content"][0]["type"] == "thinking"
    assert len(found["content"][0]["thinking"]) <= 4


# what is refused


def user(*blocks: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": [*blocks]}]}


def assistant(*blocks: object) -> dict[str, object]:
    return {"messages": [*HI, {"role": "assistant", "content": [*blocks]}]}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"tool_choice": {"type": "tool", "name": "web_search"}}, "no tools"),
        ({"messages": None}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "user"}]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": ""}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        (user("a"), "messages[0].content[0]"),
        (user({"text": "a"}), "messages[0].content[0]"),
        (user({"type": "text"}), "messages[0].content[0].text"),
        (user({"type": "text", "text": 5}), "messages[0].content[0].text"),
        (user({"type": "video"}), "messages[0].content[0]"),
        (user({"type": "image"}), "messages[0].content[0].source"),
        (user({"type": "image", "source": {"type": "file"}}), "messages[0].content[0].source"),
        (user({"type": "image", "source": {"type": "base64"}}), "source.data"),
        (user({"type": "document", "source": {"type": "base64"}}), "messages[0].content[0].source"),
        (user({"type": "tool_result"}), "messages[0].content[0].tool_use_id"),
        (
            user({"type": "tool_result", "tool_use_id": "1", "content": 5}),
            "messages[0].content[0].content",
        ),
        (
            user({"type": "tool_result", "tool_use_id": "1", "content": ["a"]}),
            "messages[0].content[0].content[0]",
        ),
        (assistant({"type": "tool_use", "id": "1"}), "messages[1].content[0].name"),
        (assistant({"type": "tool_use", "name": "f"}), "messages[1].content[0].id"),
        (
            assistant({"type": "tool_use", "id": "1", "name": "f", "input": "x"}),
            "messages[1].content[0].input",
        ),
        (assistant({"type": "thinking"}), "messages[1].content[0].thinking"),
        ({"system": 5}, "system"),
        ({"system": [{"type": "image"}]}, "system[0]"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"stop_sequences": "a"}, "stop_sequences"),
        ({"stop_sequences": [5]}, "stop_sequences[0]"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_k": "many"}, "top_k"),
        ({"top_p": []}, "top_p"),
        ({"stream": "yes"}, "stream"),
        ({"metadata": 5}, "metadata"),
        ({"metadata": {"user_id": 5}}, "metadata.user_id"),
        ({"tools": 5}, "tools"),
        ({"tools": [{}]}, "tools[0]"),
        ({"tools": [{"name": ""}]}, "tools[0].name"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tools": [{"name": "f", "input_schema": 5}]}, "tools[0].input_schema"),
        ({"tools": [WEATHER | {"description": 5}]}, "tools[0].description"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tool_choice": {"type": "tool", "name": "g"}, "tools": [WEATHER]}, "'g'"),
        (
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": 1}},
            "tool_choice.disable_parallel_tool_use",
        ),
        ({"thinking": "on"}, "thinking"),
        ({"thinking": {"type": "some"}}, "thinking.type"),
        ({"thinking": {"type": "enabled", "budget_tokens": 0}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": "x"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "adaptive", "display": "x"}}, "thinking.display"),
        ({"output_config": 5}, "output_config"),
        ({"output_config": {"effort": "some"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "text"}}}, "output_config.format"),
        (
            {
                "output_config": {
                    "format": {"type": "json_schema", "schema": {"type": "object", "not": 1}}
                }
            },
            "output_config.format.schema",
        ),
        ({"output_format": {"type": "json_schema"}}, "output_format"),
        ({"chat_template_kwargs": 5}, "chat_template_kwargs"),
        (
            {
                "tools": [
                    {"type": "web_search_20250305", "name": "web_search"},
                    {"name": "f", "input_schema": {"properties": {"x": {"type": "zz"}}}},
                ],
                "tool_choice": {"type": "any"},
            },
            "/tools/1/input_schema",
        ),
    ],
)
def test_a_field_that_is_wrong_is_named(
    client: FlaskClient, fields: dict[str, object], named: str
) -> None:
    body = {"messages": HI, "max_tokens": 1, **fields}
    assert named in assert_refused(client.post(PATH, json=body), 400, INVALID)


@pytest.mark.parametrize("inner", [False, True])
def test_images_are_refused_by_the_place_that_they_were_sent_at(
    client: FlaskClient, inner: bool
) -> None:
    image = {"type": "image", "source": {"type": "url", "url": "http://host/a.png"}}
    block = {"type": "tool_result", "tool_use_id": "1", "content": [image]} if inner else image
    body = user(block) | {"system": "Be brief.", "max_tokens": 1}
    said = assert_refused(client.post(PATH, json=body), 400, INVALID)
    assert said.startswith("messages[0]: image input is not supported")


@pytest.mark.parametrize("path", [PATH, f"{PATH}/count_tokens"])
@pytest.mark.parametrize("raw", [b'{"messages": ', b"", b"[1]"])
def test_a_body_that_is_no_json_object_is_refused(
    client: FlaskClient, path: str, raw: bytes
) -> None:
    assert_refused(client.post(path, data=raw), 400, INVALID)


def test_keys_routes_methods_and_sizes_are_refused_in_the_same_form(serve: ServerMaker) -> None:
    client = serve(api_key="secret", max_body_mib="1").client
    assert_refused(client.post(PATH, json={}), 401, "authentication_error")
    key = {"x-api-key": "secret"}
    for method, path in (("GET", PATH), ("POST", f"{PATH}/batches"), ("GET", f"{PATH}/a/b")):
        reply = client.open(path, method=method, headers=key)
        assert_refused(reply, 404, "not_found_error")
    reply = client.post(PATH, data=b" " * (2 << 20), headers=key)
    assert "--max-body-mib" in assert_refused(reply, 413, "request_too_large")
    body = {"messages": HI, "max_tokens": 1}
    assert client.post(PATH, json=body, headers=key).status_code == 200
    assert client.post("/v1/messagesx", headers=key).json.keys() == {"error"}


def test_the_form_holds_below_a_prefix_too(serve: ServerMaker) -> None:
    client = serve(api_prefix="/llm").client
    assert_refused(client.post(f"/llm{PATH}", json={}), 400, INVALID)
    assert client.post("/llm/completion", json={}).json.keys() == {"error"}


def test_a_prompt_that_is_too_long_says_so_in_words_that_agents_know(client: FlaskClient) -> None:
    body = {"messages": [{"role": "user", "content": "a" * 100}]}
    said = assert_refused(client.post(PATH, json=body), 400, INVALID)
    assert said.startswith("prompt is too long: ") and "> 64 maximum" in said


@pytest.mark.parametrize(
    ("kind", "status", "named"),
    [
        (ErrorKind.SERVER, 500, "api_error"),
        (ErrorKind.UNAVAILABLE, 503, "overloaded_error"),
        (ErrorKind.INVALID_REQUEST, 400, INVALID),
    ],
)
def test_faults_of_the_engine_are_answers_or_events(
    scripted: Callable[..., tuple[ScriptedEngine, Flask]], kind: ErrorKind, status: int, named: str
) -> None:
    engine, app = scripted()
    body = {"messages": HI, "max_tokens": 4}
    with engine.answering(lambda task: [Failed(task.id, kind, "out of luck")]):
        reply = app.test_client().post(PATH, json=body)
    assert assert_refused(reply, status, named) == "out of luck"
    answer = [lambda task: token(task, "a"), lambda task: Failed(task.id, kind, "out of luck")]
    with engine.answering(lambda task: [make(task) for make in answer]):
        reply = app.test_client().post(PATH, json=body | {"stream": True})
        events = named_events(reply.data)
    assert events[0][0] == "message_start"
    name, payload = events[-1]
    assert name == "error"
    assert assert_error_payload(payload, named) == "out of luck"
    assert payload["request_id"] == reply.headers["request-id"]
