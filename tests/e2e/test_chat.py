"""A chat with a real model, through the clients that people use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from openai import BadRequestError
from openai import OpenAI

from tests.e2e.live import LiveServer
from tests.e2e.questions import SURE
from tests.e2e.questions import SURE_ANSWER

pytestmark = pytest.mark.model

MESSAGES: Any = [{"role": "user", "content": SURE}]
N_TOKENS = 24


@pytest.fixture
def client(demo: LiveServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{demo.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def curl(server: LiveServer, body: dict[str, Any]) -> list[str]:
    """The lines that are not empty of what `curl -N` prints."""
    if shutil.which("curl") is None:
        assert not os.environ.get("CI"), "curl is missing: CI must have it"
        pytest.skip("curl is not installed")
    command = ["curl", "-sSN", f"{server.url}/v1/chat/completions", "-d", json.dumps(body)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


def test_curl_streams_a_chat(demo: LiveServer) -> None:
    body = {"messages": MESSAGES, "temperature": 0, "max_tokens": N_TOKENS, "stream": True}
    *lines, last = curl(demo, body)
    assert last == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines]
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert text == SURE_ANSWER
    assert len(chunks) > 5


def test_curl_needs_no_more_than_messages(demo: LiveServer) -> None:
    (line,) = curl(demo, {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8})
    answer = json.loads(line)
    assert answer["choices"][0]["message"]["role"] == "assistant"
    assert answer["choices"][0]["message"]["content"].strip()


def test_the_openai_client_chats(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="any", messages=MESSAGES, temperature=0, max_tokens=N_TOKENS
    )
    assert answer.choices[0].message.content == SURE_ANSWER
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= N_TOKENS
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_the_openai_client_streams_the_text_that_it_gets_whole(client: OpenAI) -> None:
    ask: dict[str, Any] = {
        "model": "any",
        "messages": MESSAGES,
        "temperature": 0,
        "max_tokens": N_TOKENS,
        "extra_body": {"cache_prompt": False},
    }
    whole = client.chat.completions.create(**ask)
    chunks = list(
        client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True})
    )
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert [reason for reason in reasons if reason] == [whole.choices[0].finish_reason]
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)


def test_the_openai_client_completes_a_text(client: OpenAI) -> None:
    answer = client.completions.create(
        model="any", prompt="The capital of France is", temperature=0, max_tokens=8
    )
    assert "Paris" in answer.choices[0].text


def test_the_openai_client_lists_the_model(client: OpenAI) -> None:
    (model,) = client.models.list().data
    assert "smollm2" in model.id.lower()
    assert client.models.retrieve(model.id).id == model.id


def test_the_openai_client_leaves_a_stream(demo: LiveServer, client: OpenAI) -> None:
    endless: Any = {"max_tokens": 4000, "extra_body": {"ignore_eos": True}}
    with client.chat.completions.create(
        model="any", messages=MESSAGES, stream=True, **endless
    ) as stream:
        next(iter(stream))
    demo.wait_idle()


def test_the_openai_client_counts_tokens_and_knows_a_refusal(client: OpenAI) -> None:
    # there is no method for it
    path, body = "/chat/completions/input_tokens", {"messages": MESSAGES}
    counted: Any = client.post(path, cast_to=object, body=body)
    answer = client.chat.completions.create(model="any", messages=MESSAGES, max_tokens=1)
    assert answer.usage and counted["input_tokens"] == answer.usage.prompt_tokens
    with pytest.raises(BadRequestError, match="top_k"):
        client.chat.completions.create(model="any", messages=MESSAGES, extra_body={"top_k": "many"})


def test_an_answer_may_refer_to_what_was_said_before(client: OpenAI) -> None:
    messages: Any = [
        {"role": "user", "content": "My name is Ada. Remember it."},
        {"role": "assistant", "content": "Your name is Ada."},
        {"role": "user", "content": "What is my name?"},
    ]
    answer = client.chat.completions.create(
        model="any", messages=messages, temperature=0, max_tokens=N_TOKENS
    )
    assert "Ada" in (answer.choices[0].message.content or "")


@pytest.mark.parametrize("stream", [False, True])
def test_a_seed_repeats_an_answer_and_another_one_does_not(client: OpenAI, stream: bool) -> None:
    def answer(seed: int) -> str:
        reply: Any = client.chat.completions.create(
            model="any",
            messages=[{"role": "user", "content": "Tell me a story about the sea."}],
            temperature=1.5,
            seed=seed,
            max_tokens=N_TOKENS,
            stream=stream,
            extra_body={"cache_prompt": False},
        )
        if not stream:
            return str(reply.choices[0].message.content)
        return "".join(chunk.choices[0].delta.content or "" for chunk in reply)

    assert answer(1) == answer(1) != answer(2)
