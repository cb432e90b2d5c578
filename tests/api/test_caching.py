"""What requests share of each other's prompts, and how a client steers and sees it."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import ServerMaker
from tests.api.replies import assert_error

PROMPT = "a prompt that others begin with too"
N_PROMPT = len(PROMPT) + 1
"""Bytes, and BOS."""

ROUTES: list[tuple[str, dict[str, Any]]] = [
    ("/completion", {"prompt": "hi"}),
    ("/v1/completions", {"prompt": "hi"}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
]
for_each_route = pytest.mark.parametrize(("path", "body"), ROUTES, ids=[path for path, _ in ROUTES])


@pytest.fixture
def client(serve: ServerMaker) -> FlaskClient:
    return serve(info={"n_ctx": 1024, "n_ctx_slot": 256, "n_slots": 4}, parallel="4").client


def complete(client: FlaskClient, prompt: str = PROMPT, **fields: object) -> dict[str, Any]:
    reply = client.post("/completion", json={"prompt": prompt, "n_predict": 2, **fields})
    assert reply.status_code == 200, reply.text
    result: dict[str, Any] = reply.json
    return result


def n_cached(client: FlaskClient, prompt: str = PROMPT, **fields: object) -> int:
    n: int = complete(client, prompt, **fields)["timings"]["cache_n"]
    return n


def test_equal_prompts_share_by_default(client: FlaskClient) -> None:
    assert [n_cached(client), n_cached(client)] == [0, N_PROMPT - 1]


def test_salts_keep_requests_apart(client: FlaskClient) -> None:
    assert n_cached(client, cache_salt="a") == 0
    assert n_cached(client, cache_salt="b") == 0
    assert n_cached(client) == 0
    assert n_cached(client, cache_salt="a") == N_PROMPT - 1


@for_each_route
def test_salt_must_be_text(client: FlaskClient, path: str, body: dict[str, Any]) -> None:
    reply = client.post(path, json=body | {"cache_salt": 7})
    message = assert_error(reply, 400, "invalid_request_error")
    assert message.startswith("Field 'cache_salt': ")


@for_each_route
@pytest.mark.parametrize("id_slot", [4, -2])
def test_slot_that_is_not_there_is_refused(
    client: FlaskClient, path: str, body: dict[str, Any], id_slot: int
) -> None:
    reply = client.post(path, json=body | {"id_slot": id_slot})
    message = assert_error(reply, 400, "invalid_request_error")
    assert message == f"Field 'id_slot': must be between -1 and 3, but got {id_slot}"


@for_each_route
def test_request_runs_in_the_slot_it_names(
    client: FlaskClient, path: str, body: dict[str, Any]
) -> None:
    client.post(path, json=body | {"id_slot": 2, "max_tokens": 2})
    used = [slot["id"] for slot in client.get("/slots").json if "id_task" in slot]
    assert used == [2]


def test_several_completions_compute_their_prompt_once(client: FlaskClient) -> None:
    reply = client.post("/completion", json={"prompt": PROMPT, "n_predict": 2, "n_cmpl": 3})
    timings = [result["timings"] for result in reply.json]
    assert sorted(each["prompt_n"] for each in timings) == [1, 1, N_PROMPT]
    assert sorted(each["cache_n"] for each in timings) == [0, N_PROMPT - 1, N_PROMPT - 1]


def test_several_choices_of_a_chat_compute_their_prompt_once(client: FlaskClient) -> None:
    body = {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 2, "n": 4}
    reply = client.post("/v1/chat/completions", json=body).json
    assert len(reply["choices"]) == 4
    slots = client.get("/slots").json
    n_held = min(slot["n_prompt_tokens"] for slot in slots)
    assert n_held >= N_PROMPT
    assert reply["usage"]["prompt_tokens"] < n_held


def divergences(client: FlaskClient) -> list[object]:
    return [
        slot["cache_divergence"] for slot in client.get("/slots").json if "cache_divergence" in slot
    ]


def test_slots_say_where_a_prompt_parted_from_the_cached_one(client: FlaskClient) -> None:
    complete(client, "the same words, then X and more")
    complete(client, "the same words, then Y and more")
    position = 1 + len("the same words, then ")
    expected = {"position": position, "expected_token": ord("X"), "token": ord("Y")}
    assert divergences(client) == [expected]


def test_prompt_that_goes_on_from_the_cached_one_has_not_parted(client: FlaskClient) -> None:
    whole = complete(client)["content"]
    complete(client, PROMPT + whole + " and on")
    assert divergences(client) == []


def test_pinned_request_is_compared_with_its_own_slot(client: FlaskClient) -> None:
    complete(client, "words of another slot", id_slot=0)
    complete(client, "words", id_slot=1)
    complete(client, "wordy", id_slot=1)
    (found,) = divergences(client)
    assert found == {"position": 5, "expected_token": ord("s"), "token": ord("y")}
