"""`/tokenize` and `/detokenize`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from server.api import wire
from tests.fakes import BOS
from tests.fakes import EOS


def test_text_becomes_tokens(client: FlaskClient) -> None:
    assert client.post("/tokenize", json={"content": "hi"}).json == {"tokens": [104, 105]}


def test_special_tokens_are_added_once_if_asked_for(client: FlaskClient) -> None:
    body = {"content": ["h", 105, "!"], "add_special": True}
    assert client.post("/tokenize", json=body).json == {"tokens": [BOS, 104, 105, 33]}


def test_pieces_that_are_no_text_of_their_own_are_bytes(client: FlaskClient) -> None:
    body = {"content": "é!", "with_pieces": True}
    assert client.post("/tokenize", json=body).json == {
        "tokens": [
            {"id": 0xC3, "piece": [0xC3]},
            {"id": 0xA9, "piece": [0xA9]},
            {"id": 33, "piece": "!"},
        ]
    }


def test_no_content_is_no_tokens(client: FlaskClient) -> None:
    assert client.post("/tokenize", json={}).json == {"tokens": []}


def test_tokens_become_text_with_control_tokens(client: FlaskClient) -> None:
    body = {"tokens": [BOS, 104, 105, EOS]}
    assert client.post("/detokenize", json=body).json == {"content": "<s>hi</s>"}


def test_halves_of_characters_join_and_lonely_ones_are_replaced(client: FlaskClient) -> None:
    body = {"tokens": [0xC3, 0xA9, 0xC3]}
    assert client.post("/detokenize", json=body).json == {"content": "é\ufffd"}


def test_no_tokens_are_no_content(client: FlaskClient) -> None:
    assert client.post("/detokenize", json={}).json == {"content": ""}


@pytest.mark.parametrize("n_letters", [10, 100_000])
def test_large_bodies_are_worked_on_elsewhere(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, n_letters: int
) -> None:
    elsewhere: list[object] = []

    def record(work: Callable[[], object]) -> object:
        elsewhere.append(work)
        return work()

    monkeypatch.setattr(wire, "run_blocking", record)
    reply = client.post("/tokenize", json={"content": "a" * n_letters})
    assert len(reply.get_json()["tokens"]) == n_letters
    assert bool(elsewhere) is (n_letters > wire.SMALL_BODY_BYTES)
