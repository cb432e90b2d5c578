"""`/v1/chat/completions` and `/apply-template`."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.api.conftest import ServerMaker
from tests.api.replies import assert_error
from tests.api.replies import events
from tests.fakes import says

ROOMY: dict[str, object] = {"n_ctx_slot": 256}
HI = [{"role": "user", "content": "hi"}]
BEGUN = [*HI, {"role": "assistant", "content": "One"}]
CHATML = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
CHAT = "/v1/chat/completions"


def deltas(chunks: list[Any]) -> list[Any]:
    assert chunks[-1] == "[DONE]"
    return [chunk["choices"][0]["delta"] for chunk in chunks[:-1] if chunk["choices"]]


def test_a_result_has_the_fields_of_the_reference_in_their_order(serve: ServerMaker) -> None:
    reply = serve(says(b"hey"), ROOMY).client.post(CHAT, json={"messages": HI})
    result = orjson.loads(reply.data)
    assert list(result) == [
        "choices",
        "created",
        "model",
        "system_fingerprint",
        "object",
        "usage",
        "id",
        "timings",
    ]
    assert result["object"] == "chat.completion"
    assert result["choices"] == [
        {
            "finish_reason": "stop",
            "index": 0,
            "message": {"role": "assistant", "content": "hey"},
        }
    ]
    assert result["usage"]["prompt_tokens"] == len(CHATML) + 1


@pytest.mark.parametrize("path", ["/chat/completions", CHAT])
def test_both_paths_serve_chats(serve: ServerMaker, path: str) -> None:
    reply = serve(says(b"hey"), ROOMY).client.post(path, json={"messages": HI})
    assert reply.json["choices"][0]["message"]["content"] == "hey"


def test_a_stream_begins_with_the_role_and_ends_with_the_reason(serve: ServerMaker) -> None:
    body = {"messages": HI, "stream": True}
    chunks = events(serve(says(b"hey"), ROOMY).client.post(CHAT, json=body))
    assert deltas(chunks) == [
        {"role": "assistant", "content": None},
        {"content": "h"},
        {"content": "e"},
        {"content": "y"},
        {},
    ]
    *_, last, _ = chunks
    assert last["choices"][0]["finish_reason"] == "stop"
    assert "timings" in last and "usage" not in last
    assert list(chunks[0]) == [
        "choices",
        "created",
        "id",
        "model",
        "system_fingerprint",
        "object",
    ]
    assert {chunk["object"] for chunk in chunks[:-1]} == {"chat.completion.chunk"}


def test_the_role_comes_even_where_the_first_token_has_no_text_yet(serve: ServerMaker) -> None:
    body = {"messages": HI, "stream": True}
    chunks = events(serve(says("é!".encode()), ROOMY).client.post(CHAT, json=body))
    assert deltas(chunks) == [
        {"role": "assistant", "content": None},
        {"content": "é"},
        {"content": "!"},
        {},
    ]


def test_usage_is_a_last_chunk_without_choices_if_asked_for(serve: ServerMaker) -> None:
    body = {"messages": HI, "stream": True, "stream_options": {"include_usage": True}}
    *_, reason, usage, _ = events(serve(says(b"hey"), ROOMY).client.post(CHAT, json=body))
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == 4
    assert "timings" in usage and "timings" not in reason


def test_choices_of_a_stream_say_which_is_which(serve: ServerMaker) -> None:
    body = {"messages": HI, "stream": True, "n": 2, "max_tokens": 1}
    chunks = events(serve(info=ROOMY, parallel="2").client.post(CHAT, json=body))
    assert sorted(chunk["choices"][0]["index"] for chunk in chunks[:-1]) == [0, 0, 0, 1, 1, 1]


def test_several_choices_are_one_answer(serve: ServerMaker) -> None:
    body = {"messages": HI, "n": 2, "max_tokens": 1}
    result = serve(info=ROOMY, parallel="2").client.post(CHAT, json=body).json
    assert [choice["index"] for choice in result["choices"]] == [0, 1]


def test_logprobs_and_timings_come_with_the_last_delta_of_their_token(serve: ServerMaker) -> None:
    body = {
        "messages": HI,
        "stream": True,
        "logprobs": True,
        "top_logprobs": 1,
        "timings_per_token": True,
        "max_tokens": 1,
    }
    role, text, _, _ = events(serve(says(b"hey"), ROOMY).client.post(CHAT, json=body))
    assert "logprobs" not in role["choices"][0] and "timings" not in role
    assert text["choices"][0]["logprobs"]["content"][0]["id"] == ord("h")
    assert text["timings"]["predicted_n"] == 1


def test_logprobs_of_a_whole_answer_are_beside_the_message(serve: ServerMaker) -> None:
    body = {"messages": HI, "logprobs": True, "top_logprobs": 1, "max_tokens": 2}
    (choice,) = serve(says(b"hey"), ROOMY).client.post(CHAT, json=body).json["choices"]
    assert [prob["id"] for prob in choice["logprobs"]["content"]] == [ord("h"), ord("e")]


def test_progress_comes_as_chunks_with_the_role(serve: ServerMaker) -> None:
    body = {"messages": HI, "stream": True, "return_progress": True, "max_tokens": 1}
    first, *_ = events(serve(info=ROOMY).client.post(CHAT, json=body))
    assert first["prompt_progress"]["processed"] == 0
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": None}


def test_verbose_shows_the_native_form_too(serve: ServerMaker) -> None:
    client = serve(says(b"hey"), ROOMY).client
    body = {"messages": HI, "verbose": True}
    assert client.post(CHAT, json=body).json["__verbose"]["prompt"] == "<s>" + CHATML
    *_, last, _ = events(client.post(CHAT, json=body | {"stream": True}))
    assert last["__verbose"]["generation_settings"]["generation_prompt"].endswith("assistant\n")


def test_an_assistants_last_message_is_continued_and_shown_again(serve: ServerMaker) -> None:
    client = serve(says(b" day"), ROOMY).client
    result = client.post(CHAT, json={"messages": BEGUN}).json
    assert result["choices"][0]["message"]["content"] == "One day"


def test_a_stream_of_a_continuation_shows_the_beginning_with_the_first_text(
    serve: ServerMaker,
) -> None:
    body = {"messages": BEGUN, "stream": True}
    chunks = events(serve(says(b" day"), ROOMY).client.post(CHAT, json=body))
    assert deltas(chunks)[1] == {"content": "One "}


@pytest.mark.parametrize(("echo", "text"), [(False, " "), (True, "One ")])
def test_a_continuation_that_was_asked_for_is_echoed_in_a_stream_only_if_asked_for_too(
    serve: ServerMaker, echo: bool, text: str
) -> None:
    body = {
        "messages": BEGUN,
        "stream": True,
        "add_generation_prompt": False,
        "continue_final_message": True,
        "echo": echo,
    }
    chunks = events(serve(says(b" day"), ROOMY).client.post(CHAT, json=body))
    assert deltas(chunks)[1] == {"content": text}


def test_a_continuation_and_a_generation_prompt_exclude_each_other(serve: ServerMaker) -> None:
    body = {"messages": BEGUN, "continue_final_message": True}
    reply = serve(info=ROOMY).client.post(CHAT, json=body)
    assert "add_generation_prompt" in assert_error(reply, 400, "invalid_request_error")


@pytest.mark.parametrize(
    ("wish", "prompt"),
    [
        (True, "go:<t>hm</t>One "),
        ("content", "go:<t>hm</t>One "),
        ("reasoning_content", "go:<t>hm"),
    ],
)
def test_a_continuation_is_of_the_reasoning_or_of_the_content(
    serve: ServerMaker, wish: object, prompt: str
) -> None:
    begun = {"role": "assistant", "content": "One "}
    begun["reasoning_content"] = "hm"
    thinks = (
        "{% for m in messages if m.reasoning_content %}<t>{{ m.reasoning_content }}</t>"
        "{{ m.content }}{% endfor %}{% if add_generation_prompt %}go:{% endif %}"
    )
    body = {
        "messages": [*HI, begun],
        "add_generation_prompt": False,
        "continue_final_message": wish,
    }
    server = serve(info={"chat_template": thinks})
    assert server.client.post("/apply-template", json=body).json == {"prompt": prompt}


def test_a_continuation_of_the_users_message_is_refused(serve: ServerMaker) -> None:
    body = {"messages": HI, "add_generation_prompt": False, "continue_final_message": True}
    reply = serve(info=ROOMY).client.post(CHAT, json=body)
    message = assert_error(reply, 400, "invalid_request_error")
    assert "continue_final_message" in message


def test_parts_that_are_continued_are_shown_again_as_they_stand_in_the_prompt(
    serve: ServerMaker,
) -> None:
    parts = [{"type": "text", "text": "One"}, {"type": "text", "text": "fine"}]
    body = {"messages": [*HI, {"role": "assistant", "content": parts}]}
    result = serve(says(b" day"), ROOMY).client.post(CHAT, json=body).json
    assert result["choices"][0]["message"]["content"] == "One\n\nfine day"


def test_a_beginning_that_the_tokenizer_adds_is_cut_from_the_prompt(serve: ServerMaker) -> None:
    info = {"chat_template": "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}"}
    reply = serve(info=info).client.post("/apply-template", json={"messages": HI})
    assert reply.json == {"prompt": "hi</s>"}


def test_apply_template_gives_the_prompt_and_nothing_else(serve: ServerMaker) -> None:
    reply = serve().client.post("/apply-template", json={"messages": HI})
    assert reply.json == {"prompt": CHATML}


def test_apply_template_without_a_generation_prompt_ends_with_the_message(
    serve: ServerMaker,
) -> None:
    body = {"messages": HI, "add_generation_prompt": False}
    reply = serve().client.post("/apply-template", json=body)
    assert reply.json == {"prompt": "<|im_start|>user\nhi<|im_end|>\n"}


def test_variables_of_the_request_reach_the_template(serve: ServerMaker) -> None:
    server = serve(info={"chat_template": "{{ colour }}/{{ enable_thinking }}"})
    body = {"messages": HI, "chat_template_kwargs": {"colour": "red"}, "reasoning_effort": "none"}
    assert server.client.post("/apply-template", json=body).json == {"prompt": "red/False"}


def test_messages_that_the_template_rejects_are_the_clients_fault(serve: ServerMaker) -> None:
    server = serve(info={"chat_template": "{{ raise_exception('roles must alternate') }}"})
    reply = server.client.post(CHAT, json={"messages": HI})
    assert "roles must alternate" in assert_error(reply, 400, "invalid_request_error")


def test_a_broken_template_breaks_chats_only(serve: ServerMaker) -> None:
    client = serve(info={"chat_template": "{% if %}"}).client
    assert client.post("/completion", json={"prompt": "hi", "n_predict": 1}).status_code == 200
    assert client.get("/props").json["chat_template_caps"] == {}
    assert_error(client.post(CHAT, json={"messages": HI}), 400, "invalid_request_error")
