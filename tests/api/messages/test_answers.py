"""What comes out of `/v1/messages`: blocks, reasons, counts and events, in Anthropic's terms."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from server.api.chat_prompt import make_chat_job
from server.api.chat_prompt import render_chat
from server.api.messages.body import chat_body
from server.api.messages.form import MessagesFormat
from server.engine.task import StopType
from server.engine.task import Timings
from server.schema import openai_chat_body
from tests.api.anthropic_events import added_up
from tests.api.anthropic_events import named_events
from tests.api.conftest import Server
from tests.api.conftest import ServerMaker
from tests.api.messages.asking import HI
from tests.api.messages.asking import PATH
from tests.api.messages.asking import SCHEMA
from tests.api.messages.asking import THOUGHT
from tests.api.messages.asking import WEATHER
from tests.api.messages.asking import message
from tests.api.messages.asking import server_of
from tests.api.messages.asking import streamed
from tests.api.messages.asking import without_ids
from tests.api.scripted import finished
from tests.api.scripted import token
from tests.api.test_chat_tools import CALL
from tests.api.test_chat_tools import ROOMY
from tests.fakes import says


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


def test_a_thinking_budget_ends_thoughts(serve: ServerMaker) -> None:
    text = "<think>\n" + "Hm. " * 20 + "\n</think>\n\nHi."
    found = message(
        server_of(serve, text), thinking={"type": "enabled", "budget_tokens": 4}, max_tokens=200
    )
    assert found["content"][0]["type"] == "thinking"
    assert len(found["content"][0]["thinking"]) <= 4
