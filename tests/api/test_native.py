"""`/completion`: every field, streamed and not."""

from __future__ import annotations

import orjson
import pytest
from flask.testing import FlaskClient

from tests.api.conftest import ServerMaker
from tests.api.replies import assert_error
from tests.api.replies import events
from tests.api.replies import parts
from tests.fakes import says

RESULT_FIELDS = [
    "index",
    "content",
    "tokens",
    "id_slot",
    "stop",
    "model",
    "tokens_predicted",
    "tokens_evaluated",
    "generation_settings",
    "prompt",
    "has_new_line",
    "truncated",
    "stop_type",
    "stopping_word",
    "tokens_cached",
    "timings",
]
CHUNK_FIELDS = [
    "index",
    "content",
    "tokens",
    "stop",
    "id_slot",
    "tokens_predicted",
    "tokens_evaluated",
]
TIMING_FIELDS = [
    "cache_n",
    "prompt_n",
    "prompt_ms",
    "prompt_per_token_ms",
    "prompt_per_second",
    "predicted_n",
    "predicted_ms",
    "predicted_per_token_ms",
    "predicted_per_second",
]


def test_a_result_has_the_fields_of_the_reference_in_their_order(serve: ServerMaker) -> None:
    reply = serve(says(b"hey\n")).client.post("/completion", json={"prompt": "hi"})
    result = orjson.loads(reply.data)
    assert reply.content_type == "application/json; charset=utf-8"
    assert list(result) == RESULT_FIELDS
    assert list(result["timings"]) == TIMING_FIELDS
    timings, settings = result.pop("timings"), result.pop("generation_settings")
    assert result == {
        "index": 0,
        "content": "hey\n",
        "tokens": [],
        "id_slot": result["id_slot"],
        "stop": True,
        "model": "/models/fake.gguf",
        "tokens_predicted": 5,
        "tokens_evaluated": 3,
        "prompt": "<s>hi",
        "has_new_line": True,
        "truncated": False,
        "stop_type": "eos",
        "stopping_word": "",
        "tokens_cached": 7,
    }
    assert (timings["cache_n"], timings["prompt_n"], timings["predicted_n"]) == (0, 3, 5)
    assert settings["n_predict"] == -1


def test_completions_is_the_same_route(serve: ServerMaker) -> None:
    reply = serve(says(b"hey")).client.post("/completions", json={"prompt": "hi"})
    assert reply.json["content"] == "hey"


def test_a_body_is_json_whatever_its_content_type_says(serve: ServerMaker) -> None:
    reply = serve(says(b"hey")).client.post(
        "/completion", data='{"prompt": "hi"}', content_type="application/x-www-form-urlencoded"
    )
    assert reply.json["content"] == "hey"


def test_a_stream_is_one_event_for_each_token_and_one_for_the_result(serve: ServerMaker) -> None:
    client = serve(says(b"hey")).client
    chunks = events(client.post("/completion", json={"prompt": "hi", "stream": True}))
    assert [chunk["content"] for chunk in chunks] == ["h", "e", "y", "", ""]
    assert [chunk["stop"] for chunk in chunks] == [False, False, False, False, True]
    assert chunks[0] == {
        "index": 0,
        "content": "h",
        "tokens": [ord("h")],
        "stop": False,
        "id_slot": -1,
        "tokens_predicted": 1,
        "tokens_evaluated": 3,
    }
    assert list(chunks[0]) == CHUNK_FIELDS
    assert list(chunks[-1]) == RESULT_FIELDS
    assert chunks[-1]["tokens"] == []


def test_a_native_stream_ends_without_done(serve: ServerMaker) -> None:
    reply = serve(says(b"hey")).client.post("/completion", json={"prompt": "hi", "stream": True})
    assert b"[DONE]" not in reply.data


def test_a_stream_is_not_to_be_cached_or_held_back(serve: ServerMaker) -> None:
    reply = serve(says(b"hey")).client.post("/completion", json={"prompt": "hi", "stream": True})
    assert reply.headers["Content-Type"] == "text/event-stream"
    assert reply.headers["Cache-Control"] == "no-cache"
    assert reply.headers["X-Accel-Buffering"] == "no"
    assert all(part.startswith(b"data: {") or part == b":" for part in parts(reply.data))


def test_timings_come_with_every_token_if_asked_for(serve: ServerMaker) -> None:
    body = {"prompt": "hi", "stream": True, "timings_per_token": True}
    chunks = events(serve(says(b"hey")).client.post("/completion", json=body))
    assert [chunk["timings"]["predicted_n"] for chunk in chunks] == [1, 2, 3, 4, 4]


def test_progress_of_the_prompt_is_streamed_if_asked_for(serve: ServerMaker) -> None:
    server = serve(says(b"hey"), info={"n_batch": 4, "n_ubatch": 4})
    body = {"prompt": "hello!", "stream": True, "return_progress": True}
    chunks = events(server.client.post("/completion", json=body))
    steps = [chunk["prompt_progress"] for chunk in chunks if "prompt_progress" in chunk]
    assert [(step["total"], step["cache"], step["processed"]) for step in steps] == [
        (7, 0, 0),
        (7, 0, 4),
        (7, 0, 7),
    ]
    assert [list(step) for step in steps] == [["total", "cache", "processed", "time_ms"]] * 3


def test_tokens_come_with_the_result_if_asked_for(serve: ServerMaker) -> None:
    body = {"prompt": "hi", "return_tokens": True, "n_predict": 2}
    result = serve(says(b"hey")).client.post("/completion", json=body).json
    assert result["tokens"] == [ord("h"), ord("e")]


def test_several_prompts_give_an_array_in_their_order(serve: ServerMaker) -> None:
    body = {"prompt": ["a", "bb", "ccc"], "n_predict": 1}
    results = serve().client.post("/completion", json=body).json
    assert [result["index"] for result in results] == [0, 1, 2]
    assert [result["tokens_evaluated"] for result in results] == [2, 3, 4]


def test_several_completions_of_a_prompt_have_seeds_that_follow_each_other(
    serve: ServerMaker,
) -> None:
    body = {"prompt": "a", "n_predict": 1, "n_cmpl": 3, "seed": 7}
    results = serve(parallel="4").client.post("/completion", json=body).json
    assert [result["generation_settings"]["seed"] for result in results] == [7, 8, 9]


def test_streams_of_several_prompts_say_which_is_which(serve: ServerMaker) -> None:
    body = {"prompt": ["a", "bb"], "n_predict": 2, "stream": True}
    chunks = events(serve().client.post("/completion", json=body))
    assert sorted((chunk["index"], chunk["stop"]) for chunk in chunks) == [
        (0, False),
        (0, False),
        (0, True),
        (1, False),
        (1, False),
        (1, True),
    ]


def test_response_fields_choose_and_flatten(serve: ServerMaker) -> None:
    fields = ["content", "generation_settings/n_predict", "timings/nothing", "nothing"]
    body = {"prompt": "hi", "n_predict": 2, "response_fields": fields}
    result = serve(says(b"hey")).client.post("/completion", json=body).json
    assert result == {"content": "he", "generation_settings/n_predict": 2}


def test_probabilities_are_logarithms_before_and_plain_after_sampling(serve: ServerMaker) -> None:
    client = serve(says(b"hey")).client
    body = {"prompt": "hi", "n_probs": 2, "n_predict": 1}
    (before,) = client.post("/completion", json=body).json["completion_probabilities"]
    assert list(before) == ["id", "token", "bytes", "logprob", "top_logprobs"]
    assert before["logprob"] == pytest.approx(-0.693147, abs=1e-6)
    body |= {"post_sampling_probs": True, "prompt": "ho"}
    (after,) = client.post("/completion", json=body).json["completion_probabilities"]
    assert list(after) == ["id", "token", "bytes", "prob", "top_probs"]
    assert [top["prob"] for top in after["top_probs"]] == [0.5, 0.25]


def test_streamed_probabilities_come_with_their_token(serve: ServerMaker) -> None:
    body = {"prompt": "hi", "n_probs": 1, "n_predict": 2, "stream": True}
    chunks = events(serve(says(b"hey")).client.post("/completion", json=body))
    shown = [chunk.get("completion_probabilities", [{}])[0].get("token") for chunk in chunks]
    assert shown == ["h", "e", None]


def test_the_probabilities_of_a_stop_string_are_left_out(serve: ServerMaker) -> None:
    body = {"prompt": "hi", "n_probs": 1, "stop": ["ey"]}
    result = serve(says(b"hey there")).client.post("/completion", json=body).json
    assert (result["content"], result["stop_type"], result["stopping_word"]) == ("h", "word", "ey")
    assert [prob["token"] for prob in result["completion_probabilities"]] == ["h"]


def test_a_prompt_as_long_as_the_context_is_refused_with_both_lengths(
    client: FlaskClient,
) -> None:
    reply = client.post("/completion", json={"prompt": "x" * 63, "stream": True})
    message = assert_error(reply, 400, "exceed_context_size_error")
    assert "64 tokens" in message
    assert (reply.json["error"]["n_prompt_tokens"], reply.json["error"]["n_ctx"]) == (64, 64)
