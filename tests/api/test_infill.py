"""`/infill`: how the prompt is put together, and what is refused."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from server.engine.modelinfo import FimTokens
from server.engine.task import Tokens
from tests.api.conftest import Server
from tests.api.conftest import ServerMaker
from tests.fakes import BOS

FIM = FimTokens(1, 2, 3)
REPOSITORY_FIM = FimTokens(1, 2, 3, 4, 5)


def server_of(serve: ServerMaker, fim: FimTokens, **options: str) -> Server:
    server = serve(info={"n_ctx": 4096, "n_ctx_slot": 4096}, **options)
    server.runner.tokenizer.fim = fim  # type: ignore[misc]
    return server


def prompt_of(server: Server, **body: object) -> list[int]:
    """What the engine was asked to go on with."""
    given = {"input_prefix": "P", "input_suffix": "S", "n_predict": 1} | body
    assert server.client.post("/infill", json=given).status_code == 200
    (slot,) = [s for s in server.engine.board.snapshot.slots if s.task is not None]
    assert slot.task is not None
    prompt: Tokens = slot.task.prompt
    return prompt.tolist()  # type: ignore[no-any-return]


def test_prefix_suffix_middle(serve: ServerMaker) -> None:
    server = server_of(serve, FIM)
    assert prompt_of(server, prompt="x") == [BOS, 1, ord("P"), ord("x"), 2, ord("S"), 3]


def test_suffix_first_where_the_model_wants_it(serve: ServerMaker) -> None:
    server = server_of(serve, FIM, spm_infill="on")
    assert prompt_of(server, prompt="x") == [BOS, 2, ord("S"), 1, ord("P"), ord("x"), 3]


def test_files_of_a_repository_come_first(serve: ServerMaker) -> None:
    extra = [{"filename": "a.py", "text": "A"}, {"text": "B"}]
    found = prompt_of(server_of(serve, REPOSITORY_FIM), input_extra=extra)
    files = [5, *b"a.py\nA", 5, *b"tmp\nB", 5, *b"filename\n"]
    assert found == [4, *b"myproject\n", *files, BOS, 1, ord("P"), 2, ord("S"), 3]


def test_files_are_parted_by_a_line_where_there_is_no_token_for_it(serve: ServerMaker) -> None:
    found = prompt_of(server_of(serve, FIM), input_extra=[{"text": "A"}])
    assert found == [*b"\n\n--- snippet ---\n\nA", BOS, 1, ord("P"), 2, ord("S"), 3]


def test_what_is_far_from_the_gap_is_cut_off(serve: ServerMaker) -> None:
    server = server_of(serve, FIM, batch_size="32", predict="10")
    found = prompt_of(server, input_prefix="p" * 50, input_suffix="s" * 50, prompt="x")
    assert found == [BOS, 1, *b"p" * 24, ord("x"), 2, *b"s" * 5, 3]


def test_files_get_what_is_left_of_the_context(serve: ServerMaker) -> None:
    server = server_of(serve, FIM, batch_size="4000", predict="40")
    found = prompt_of(server, input_extra=[{"text": "a" * 100}])
    assert found.count(ord("a")) == 4096 - 4000 - 2 * 40


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"input_suffix": "S"}, '"input_prefix" is required'),
        ({"input_prefix": "P"}, '"input_suffix" is required'),
        ({"prompt": 1}, '"prompt" must be a string'),
        ({"input_prefix": "P", "input_suffix": "S", "input_extra": {}}, '"input_extra" must be'),
        ({"input_prefix": "P", "input_suffix": "S", "input_extra": [{}]}, '"text" field'),
        ({"input_prefix": "P", "input_suffix": "S", "input_extra": [1]}, '"text" field'),
        (
            {"input_prefix": "", "input_suffix": "", "input_extra": [{"text": "", "filename": 1}]},
            '"filename" field',
        ),
        ({"input_prefix": 1, "input_suffix": "S"}, "input_prefix"),
        ({"input_prefix": [999], "input_suffix": "S"}, "999"),
        ({"input_prefix": "P", "input_suffix": "S", "n_predict": "x"}, "n_predict"),
    ],
)
def test_wrong_requests_are_400(serve: ServerMaker, body: dict[str, object], said: str) -> None:
    answer = server_of(serve, FIM).client.post("/infill", json=body)
    assert answer.status_code == 400
    assert said in answer.json["error"]["message"]


def test_a_model_without_the_tokens_is_501(client: FlaskClient) -> None:
    answer = client.post("/infill", json={"input_prefix": "P", "input_suffix": "S"})
    assert answer.status_code == 501
    assert "prefix token is missing. suffix token" in answer.json["error"]["message"]
