"""`/v1/completions`: OpenAI's form of the same."""

from __future__ import annotations

import orjson

from tests.api.conftest import ServerMaker
from tests.api.replies import events
from tests.fakes import says

IDENTITY = {
    "model": "/models/fake.gguf",
    "system_fingerprint": "fake",
    "object": "text_completion",
}


def test_a_result_has_the_fields_of_the_reference_in_their_order(serve: ServerMaker) -> None:
    reply = serve(says(b"hey")).client.post("/v1/completions", json={"prompt": "hi"})
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
    assert result["choices"] == [
        {"text": "hey", "index": 0, "logprobs": None, "finish_reason": "stop"}
    ]
    assert result["usage"] == {
        "completion_tokens": 4,
        "prompt_tokens": 3,
        "total_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    assert result.items() >= IDENTITY.items()
    assert result["id"].startswith("chatcmpl-") and len(result["id"]) == len("chatcmpl-") + 32


def test_the_limit_is_a_finish_reason_of_its_own(serve: ServerMaker) -> None:
    body = {"prompt": "hi", "max_tokens": 2}
    result = serve(says(b"hey")).client.post("/v1/completions", json=body).json
    assert result["choices"][0]["finish_reason"] == "length"


def test_a_stream_has_constant_identity_and_ends_with_done(serve: ServerMaker) -> None:
    body = {"prompt": "hi", "stream": True}
    *chunks, done = events(serve(says(b"hey")).client.post("/v1/completions", json=body))
    assert done == "[DONE]"
    assert [chunk["choices"][0]["text"] for chunk in chunks] == ["h", "e", "y", "", ""]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * 4 + ["stop"]
    assert len({(chunk["id"], chunk["created"]) for chunk in chunks}) == 1
    assert list(chunks[0]) == [
        "choices",
        "created",
        "model",
        "system_fingerprint",
        "object",
        "id",
    ]
    assert "usage" in chunks[-1] and "timings" in chunks[-1]


def test_several_choices_are_one_answer(serve: ServerMaker) -> None:
    body = {"prompt": ["a", "bb"], "max_tokens": 1, "n": 2}
    result = serve(parallel="4").client.post("/v1/completions", json=body).json
    assert [choice["index"] for choice in result["choices"]] == [0, 1, 2, 3]


def test_logprobs_are_shown_where_asked_for(serve: ServerMaker) -> None:
    client = serve(says(b"hey")).client
    body = {"prompt": "hi", "max_tokens": 1, "logprobs": 1}
    whole = client.post("/v1/completions", json=body).json["choices"][0]["logprobs"]
    assert [prob["id"] for prob in whole["content"]] == [ord("h")]
    streamed = events(client.post("/v1/completions", json=body | {"prompt": "ho", "stream": True}))
    assert streamed[0]["choices"][0]["logprobs"]["content"][0]["id"] == ord("h")
    assert streamed[1]["choices"][0]["logprobs"] is None


def test_verbose_shows_the_native_form_too(serve: ServerMaker) -> None:
    client = serve(says(b"hey")).client
    body = {"prompt": "hi", "max_tokens": 1, "verbose": True}
    whole = client.post("/v1/completions", json=body).json
    assert whole["__verbose"]["prompt"] == "<s>hi"
    first, last, _ = events(client.post("/v1/completions", json=body | {"stream": True}))
    assert first["__verbose"]["tokens"] == [ord("h")]
    assert last["__verbose"]["stop"] is True


def test_progress_comes_as_chunks_without_text(serve: ServerMaker) -> None:
    body = {"prompt": "hi", "max_tokens": 1, "stream": True, "return_progress": True}
    chunks = events(serve().client.post("/v1/completions", json=body | {"timings_per_token": True}))
    progress = [chunk for chunk in chunks[:-1] if "prompt_progress" in chunk]
    assert [chunk["prompt_progress"]["processed"] for chunk in progress] == [0, 3]
    assert [chunk["choices"][0]["text"] for chunk in progress] == ["", ""]
    assert all("timings" in chunk for chunk in chunks[:-1])
