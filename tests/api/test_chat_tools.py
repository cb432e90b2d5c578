"""Tools and reasoning in `/v1/chat/completions`: what goes into the prompt and what comes out."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from server.schema import CompletionParams
from tests.api.conftest import Server
from tests.api.conftest import ServerMaker
from tests.api.replies import assert_error
from tests.api.replies import events
from tests.chat.walks import matches
from tests.fakes import Rule
from tests.fakes import says

CHAT = "/v1/chat/completions"
ROOMY: dict[str, object] = {"n_ctx_slot": 4096, "n_ctx": 4096}
HI = [{"role": "user", "content": "hi"}]
TEMPLATE = (
    "{% for tool in tools or [] %}TOOL {{ tool | tojson }}\n{% endfor %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.reasoning_content %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}"
    "{{ m.content }}"
    "{% for c in m.tool_calls or [] %}<tool_call>\n"
    '{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}'
    "\n</tool_call>{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
OPEN = TEMPLATE.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}")
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"enum": ["Oslo", "Paris"]}},
            "required": ["city"],
        },
    },
}
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'


def server_of(
    serve: ServerMaker, text: str | Rule, template: str = TEMPLATE, **options: str
) -> Server:
    rule = says(text.encode()) if isinstance(text, str) else text
    return serve(rule, ROOMY, chat_template=template, **options)


def answer(server: Server, **fields: object) -> dict[str, Any]:
    """The only choice of an answer."""
    reply = server.client.post(CHAT, json={"messages": HI, **fields})
    assert reply.status_code == 200, reply.data
    choice: dict[str, Any] = orjson.loads(reply.data)["choices"][0]
    return choice


def added_up(server: Server, **fields: object) -> dict[str, Any]:
    """A streamed answer, put together as clients do."""
    reply = server.client.post(CHAT, json={"messages": HI, "stream": True, **fields})
    chunks = [chunk["choices"][0] for chunk in events(reply)[:-1] if chunk["choices"]]
    message: dict[str, Any] = {"role": "assistant", "content": None}
    for chunk in chunks:
        for key in ("content", "reasoning_content"):
            if (text := chunk["delta"].get(key)) is not None:
                message[key] = (message.get(key) or "") + text
        for delta in chunk["delta"].get("tool_calls", ()):
            calls = message.setdefault("tool_calls", [])
            if delta["index"] == len(calls):
                assert delta["type"] == "function"
                calls.append({"function": {"name": delta["function"]["name"], "arguments": ""}})
            calls[delta["index"]]["function"]["arguments"] += delta["function"]["arguments"]
    return {"finish_reason": chunks[-1]["finish_reason"], "message": message}


def without_ids(choice: dict[str, Any]) -> tuple[Any, ...]:
    message = choice["message"]
    calls = [call["function"] for call in message.get("tool_calls", ())]
    content = message.get("content") or ""
    return choice["finish_reason"], content, message.get("reasoning_content"), calls


def test_a_call_is_told_apart(serve: ServerMaker) -> None:
    choice = answer(server_of(serve, f"Let me see.\n{CALL}"), tools=[WEATHER])
    assert choice["finish_reason"] == "tool_calls"
    message = choice["message"]
    assert message["content"] == "Let me see.\n"
    (call,) = message["tool_calls"]
    assert call["type"] == "function"
    assert len(call["id"]) == 9
    assert call["function"] == {"name": "weather", "arguments": '{"city": "Oslo"}'}


def test_content_of_a_message_with_nothing_but_calls_is_null(serve: ServerMaker) -> None:
    message = answer(server_of(serve, CALL), tools=[WEATHER])["message"]
    assert message["content"] is None


@pytest.mark.parametrize(
    "text", [f"Hm.\n{CALL}", CALL, "no <tool_call", f"<think>\nWell.\n</think>\n\nHi {CALL}"]
)
def test_streamed_answers_add_up_to_those_that_are_not(serve: ServerMaker, text: str) -> None:
    whole = answer(server_of(serve, text), tools=[WEATHER])
    assert without_ids(added_up(server_of(serve, text), tools=[WEATHER])) == without_ids(whole)


def test_ids_of_calls_come_once_and_indexes_in_order(serve: ServerMaker) -> None:
    body = {"messages": HI, "tools": [WEATHER], "stream": True}
    chunks = events(server_of(serve, f"{CALL}\n{CALL}").client.post(CHAT, json=body))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1] if chunk["choices"]]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    begun = [call for call in calls if "id" in call]
    assert [call["index"] for call in begun] == [0, 1]
    assert len({call["id"] for call in begun}) == 2
    assert [call["index"] for call in calls] == sorted(call["index"] for call in calls)


def test_tools_are_shown_to_the_template_in_one_form(serve: ServerMaker) -> None:
    server = server_of(serve, "")
    tool = {"type": "function", "function": {"name": "f", "strict": True}}
    reply = server.client.post("/apply-template", json={"messages": HI, "tools": [tool]})
    shown = '{"type": "function", "function": {"name": "f", "description": "", "parameters": {}}}'
    assert orjson.loads(reply.data)["prompt"].startswith(f"TOOL {shown}\n")


def test_calls_without_tools_or_with_tool_choice_none_are_content(serve: ServerMaker) -> None:
    assert answer(server_of(serve, CALL))["message"]["content"] == CALL
    choice = answer(server_of(serve, CALL), tools=[WEATHER], tool_choice="none")
    assert (choice["finish_reason"], choice["message"]["content"]) == ("stop", CALL)


def test_calls_are_not_looked_for_where_the_client_does_not_want_it(serve: ServerMaker) -> None:
    choice = answer(server_of(serve, CALL), tools=[WEATHER], parse_tool_calls=False)
    assert choice["message"]["content"] == CALL


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "weather"}}]
)
def test_a_forced_call_is_one_whatever_the_model_wants(serve: ServerMaker, choice: object) -> None:
    found = answer(server_of(serve, "I would rather not."), tools=[WEATHER], tool_choice=choice)
    (call,) = found["message"]["tool_calls"]
    assert call["function"]["name"] == "weather"
    assert orjson.loads(call["function"]["arguments"])["city"] in ("Oslo", "Paris")
    assert found["finish_reason"] == "tool_calls"


def test_a_forced_call_of_a_model_without_tools_is_one(serve: ServerMaker) -> None:
    server = serve(says(b"I would rather not."), ROOMY)
    found = answer(server, tools=[WEATHER], tool_choice="required")
    assert found["message"]["tool_calls"][0]["function"]["name"] == "weather"


def test_arguments_of_a_call_at_will_are_bound_by_the_schema(serve: ServerMaker) -> None:
    text = 'Hm. <tool_call>\n{"name": "weather", "arguments": {"town": "Rome"}}\n</tool_call>'
    message = answer(server_of(serve, text), tools=[WEATHER])["message"]
    assert message["content"] == "Hm. "
    arguments = orjson.loads(message["tool_calls"][0]["function"]["arguments"])
    assert arguments["city"] in ("Oslo", "Paris")


def test_a_schema_binds_the_answer_and_leaves_calls_possible(serve: ServerMaker) -> None:
    schema = {"type": "object", "properties": {"n": {"const": 7}}, "required": ["n"]}
    wish = {"type": "json_schema", "json_schema": {"schema": schema}}
    body = {"tools": [WEATHER], "response_format": wish}
    message = answer(server_of(serve, '{"n": 8}'), **body)["message"]
    assert orjson.loads(message["content"]) == {"n": 7}
    called = answer(server_of(serve, CALL), **body)["message"]
    assert called["tool_calls"][0]["function"]["arguments"] == '{"city": "Oslo"}'


THOUGHT = "<think>\nHm.\n</think>\n\nHi."


@pytest.mark.parametrize(
    ("wanted", "reasoning", "content"),
    [
        (None, "Hm.\n", "Hi."),
        ("auto", "Hm.\n", "Hi."),
        ("deepseek", "Hm.\n", "Hi."),
        ("deepseek-legacy", "Hm.\n", THOUGHT),
        ("none", None, THOUGHT),
    ],
)
def test_reasoning_goes_where_it_is_wanted(
    serve: ServerMaker, wanted: str | None, reasoning: str | None, content: str
) -> None:
    fields = {} if wanted is None else {"reasoning_format": wanted}
    message = answer(server_of(serve, THOUGHT), **fields)["message"]
    assert message.get("reasoning_content") == reasoning
    assert message["content"].replace("\n", "") == content.replace("\n", "")


def test_thoughts_that_the_prompt_opens_are_reasoning(serve: ServerMaker) -> None:
    message = answer(server_of(serve, "Hm.\n</think>\n\nHi.", OPEN))["message"]
    assert (message["reasoning_content"], message["content"]) == ("Hm.\n", "Hi.")


def test_chats_can_be_left_unread(serve: ServerMaker) -> None:
    server = server_of(serve, THOUGHT + CALL, skip_chat_parsing="on")
    message = answer(server, tools=[WEATHER])["message"]
    assert message == {"role": "assistant", "content": THOUGHT + CALL}


def test_the_server_s_reasoning_format_holds_for_requests_without_one(serve: ServerMaker) -> None:
    message = answer(server_of(serve, THOUGHT, reasoning_format="none"))["message"]
    assert "reasoning_content" not in message


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tools": [{"type": "web"}]}, "tools[0]"),
        ({"tools": [{"function": {}}]}, "tools[0]"),
        ({"tools": [{"type": "function", "function": {}}]}, "name"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}}, "x"),
        ({"tools": [WEATHER], "tool_choice": 5}, "tool_choice"),
        ({"tools": [WEATHER], "grammar": "root ::= [a]"}, "grammar"),
    ],
)
def test_tools_that_make_no_sense_are_refused(
    serve: ServerMaker, fields: dict[str, object], said: str
) -> None:
    reply = server_of(serve, "").client.post(CHAT, json={"messages": HI, **fields})
    assert said in assert_error(reply, 400, "invalid_request_error")


def test_a_schema_of_a_forced_call_that_cannot_be_held_to_is_refused(serve: ServerMaker) -> None:
    function = {"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "zz"}}}}
    tools = [{"type": "function", "function": function}]
    body = {"messages": HI, "tools": tools, "tool_choice": "required"}
    reply = server_of(serve, "").client.post(CHAT, json=body)
    message = assert_error(reply, 400, "invalid_request_error")
    assert "/tools/0/function/parameters" in message


def test_a_models_template_for_tools_is_used_where_there_are_some(serve: ServerMaker) -> None:
    info = {**ROOMY, "chat_template": "{{ 1 }}", "chat_template_tool_use": TEMPLATE}
    server = serve(says(CALL.encode()), info)
    prompts = [
        orjson.loads(server.client.post("/apply-template", json={"messages": HI, **fields}).data)
        for fields in ({}, {"tools": [WEATHER]})
    ]
    assert prompts[0] == {"prompt": "1"}
    assert prompts[1]["prompt"].startswith("TOOL ")
    assert answer(server, tools=[WEATHER])["finish_reason"] == "tool_calls"
    assert (
        orjson.loads(server.client.get("/props").data)["chat_template_caps"]["supports_tools"]
        is True
    )


def test_a_template_for_tools_that_is_broken_is_left_out(serve: ServerMaker) -> None:
    info = {**ROOMY, "chat_template": TEMPLATE, "chat_template_tool_use": "{% if %}"}
    server = serve(says(CALL.encode()), info)
    assert answer(server, tools=[WEATHER])["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("fields", [{"tools": [WEATHER]}, {"tool_choice": "none"}])
def test_without_jinja_there_are_no_tools(serve: ServerMaker, fields: dict[str, Any]) -> None:
    server = server_of(serve, CALL, jinja="off")
    reply = server.client.post(CHAT, json={"messages": HI, **fields})
    assert "--jinja" in assert_error(reply, 400, "invalid_request_error")
    assert answer(server)["message"]["content"]


@pytest.mark.parametrize("given", [None, True, False])
def test_whether_several_calls_may_be_written_is_the_templates_to_say(
    serve: ServerMaker, given: bool | None
) -> None:
    single = TEMPLATE.replace("m.tool_calls or []", "(m.tool_calls or [])[:1]")
    for template, shows_several in ((TEMPLATE, True), (single, False)):
        server = server_of(serve, f"{CALL}\n{CALL}", template)
        answer(server, tools=[WEATHER], tool_choice="required", parallel_tool_calls=given)
        tasks = [slot.task for slot in server.engine.board.snapshot.slots if slot.task]
        params = max(tasks, key=lambda task: task.id).params
        assert isinstance(params, CompletionParams)
        constraint = params.sampling.constraint
        assert constraint is not None
        assert matches(constraint.lark, CALL)
        is_parallel = matches(constraint.lark, f"{CALL}\n{CALL}")
        assert is_parallel is (shows_several and given is not False)


@pytest.mark.parametrize("text", ["Hm. " + CALL, "<think>\nSo\n</think>\n\nYes.  ", "A <tool_c"])
def test_a_stream_has_the_logprobs_of_tokens_whose_text_is_held_back(
    serve: ServerMaker, text: str
) -> None:
    server = server_of(serve, text)
    body = {"messages": HI, "tools": [WEATHER], "logprobs": True, "top_logprobs": 1}
    reply = server.client.post(CHAT, json={**body, "stream": True})
    choices = [chunk["choices"][0] for chunk in events(reply)[:-1]]
    rows = [row for choice in choices for row in choice.get("logprobs", {}).get("content", ())]
    assert "".join(row["token"] for row in rows) == text
    whole = answer(server, **{**body, "stream": False})["logprobs"]["content"]
    assert rows == whole[: len(rows)]
    assert len(whole) - len(rows) <= 1, "only the end of the answer has no text"
