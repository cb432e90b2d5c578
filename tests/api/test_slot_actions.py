"""`POST /slots/{id}`: what is refused, and how; files themselves are an end-to-end matter."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from server.api.slot_actions import is_file_name
from tests.api.conftest import ServerMaker
from tests.api.replies import assert_error


@pytest.fixture
def client(serve: ServerMaker, tmp_path: Path) -> FlaskClient:
    """A client of a server that may save slots."""
    return serve(slot_save_path=str(tmp_path)).client


def test_without_a_directory_there_are_no_actions(serve: ServerMaker) -> None:
    reply = serve().client.post("/slots/0?action=erase")
    assert "Start it with `--slot-save-path`" in assert_error(reply, 501, "not_supported_error")


@pytest.mark.parametrize("slot_id", ["abc", "-1", "1.5", "99999999999999", "1abc", "4"])
def test_a_slot_is_a_number(client: FlaskClient, slot_id: str) -> None:
    reply = client.post(f"/slots/{slot_id}?action=erase")
    assert "Invalid slot ID" in assert_error(reply, 400, "invalid_request_error")


@pytest.mark.parametrize("query", ["", "?action=", "?action=drop"])
def test_there_are_three_actions(client: FlaskClient, query: str) -> None:
    reply = client.post(f"/slots/0{query}")
    assert "Invalid action" in assert_error(reply, 400, "invalid_request_error")


@pytest.mark.parametrize("action", ["save", "restore"])
@pytest.mark.parametrize("name", ["", "..", "a/b", "../a", "a\0b", "x" * 256, "a\\b", "c:", "a."])
def test_a_name_that_is_more_than_a_name_is_refused(
    client: FlaskClient, tmp_path: Path, action: str, name: str
) -> None:
    reply = client.post(f"/slots/0?action={action}", json={"filename": name})
    assert "Invalid filename" in assert_error(reply, 400, "invalid_request_error")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("body", [{}, {"filename": 3}, {"filename": None}])
def test_the_name_is_a_string(client: FlaskClient, body: object) -> None:
    reply = client.post("/slots/0?action=save", json=body)
    assert '"filename" must be a string' in assert_error(reply, 400, "invalid_request_error")


def test_names_of_many_languages_are_names() -> None:
    for name in ("a", "a.bin", "a b", "Wörter.bin", "言葉", ".hidden", "x" * 255):
        assert is_file_name(name), name


@pytest.mark.parametrize("char", '\x00\x1f\x7f\x85\uff0e\u2215\u2216\ufffd\ufeff:*?"<>|/\\\ud800')
def test_signs_that_some_system_forbids_make_no_names(char: str) -> None:
    assert not is_file_name(f"a{char}b")


@pytest.mark.parametrize("name", [" a", "a ", "a.", ".", "..", "a..b", "é" * 128])
def test_names_that_some_system_would_change_or_cut_are_no_names(name: str) -> None:
    assert not is_file_name(name)


def test_a_file_that_is_not_there_is_named(client: FlaskClient) -> None:
    reply = client.post("/slots/0?action=restore", json={"filename": "x.bin"})
    message = "filename: x.bin does not exist in --slot-save-path"
    assert message in assert_error(reply, 400, "invalid_request_error")


def test_an_erased_slot_says_how_many_tokens_it_lost(client: FlaskClient) -> None:
    body = {"prompt": "hello", "n_predict": 1, "id_slot": 1}
    assert client.post("/completion", json=body).status_code == 200
    erased = client.post("/slots/1?action=erase")
    assert erased.json == {"id_slot": 1, "n_erased": 6}
    assert client.post("/slots/2?action=erase").json == {"id_slot": 2, "n_erased": 0}
    again = client.post("/completion", json=body).get_json()
    assert again["timings"]["cache_n"] == 0


def test_a_directory_that_is_gone_is_an_error_that_names_the_file(
    client: FlaskClient, tmp_path: Path
) -> None:
    tmp_path.rmdir()
    reply = client.post("/slots/0?action=save", json={"filename": "x.bin"})
    message = "Unable to save slot: filename: x.bin could not be written: No such file"
    assert message in assert_error(reply, 500, "server_error")
