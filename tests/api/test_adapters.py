"""`/lora-adapters`, and `lora` of a request."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from server.engine.task import Task
from tests.api.conftest import Server
from tests.api.conftest import ServerMaker
from tests.api.replies import assert_error


@pytest.fixture
def server(serve: ServerMaker) -> Server:
    return serve()


def last_task(server: Server) -> Task:
    """The task that ran last."""
    tasks = (slot.task for slot in server.engine.board.snapshot.slots)
    return max((task for task in tasks if task is not None), key=lambda task: task.id)


def ask(server: Server, **fields: object) -> Task:
    """Complete a short prompt; the task that came of it."""
    body = {"prompt": "well!? go", "n_predict": 1, **fields}
    reply = server.client.post("/completion", json=body)
    assert reply.status_code == 200, reply.text
    return last_task(server)


def scales(client: FlaskClient) -> list[float]:
    return [row["scale"] for row in client.get("/lora-adapters").json]  # type: ignore[union-attr]


def test_adapters_are_listed_with_what_invokes_them(client: FlaskClient) -> None:
    assert client.get("/lora-adapters").json == [
        {
            "id": 0,
            "path": "/models/plain.gguf",
            "scale": 0.0,
            "task_name": "",
            "prompt_prefix": "",
        },
        {
            "id": 1,
            "path": "/models/activated.gguf",
            "scale": 0.0,
            "task_name": "",
            "prompt_prefix": "",
            "alora_invocation_string": "!?",
            "alora_invocation_tokens": [ord("!"), ord("?")],
        },
    ]


def test_a_server_without_adapters_lists_none(serve: ServerMaker) -> None:
    client = serve(info={"adapters": ()}).client
    assert client.get("/lora-adapters").json == []
    assert client.post("/lora-adapters", json=[]).json == {"success": True}


def test_new_scales_hold_for_the_next_request(server: Server) -> None:
    assert ask(server).adapters == ()
    reply = server.client.post("/lora-adapters", json=[{"id": 0, "scale": 0.5}])
    assert reply.json == {"success": True}
    assert scales(server.client) == [0.5, 0.0]
    assert ask(server).adapters == ((0, 0.5),)
    server.client.post("/lora-adapters", json=[])
    assert ask(server).adapters == ()


def test_scales_of_a_request_hold_for_that_one(server: Server) -> None:
    server.client.post("/lora-adapters", json=[{"id": 0, "scale": 0.5}])
    assert ask(server, lora=[{"id": 0, "scale": 2}]).adapters == ((0, 2.0),)
    assert ask(server, lora=[{"id": 0, "scale": 0}]).adapters == ()
    assert ask(server, lora=[]).adapters == ((0, 0.5),)


def test_an_activated_adapter_waits_for_its_invocation(server: Server) -> None:
    task = ask(server, lora=[{"id": 1, "scale": 1}])
    assert (task.adapters, task.n_bare) == (((1, 1.0),), len("<well") - 1)
    task = ask(server, prompt="without it", lora=[{"id": 1, "scale": 1}])
    assert (task.adapters, task.n_bare) == ((), 0)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"prompt": "hi", "max_tokens": 1}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
    ],
)
def test_every_dialect_takes_lora(server: Server, path: str, body: dict[str, object]) -> None:
    body |= {"lora": [{"id": 0, "scale": 0.5}], "max_tokens": 1}
    assert server.client.post(path, json=body).status_code == 200
    assert last_task(server).adapters == ((0, 0.5),)


def test_the_answer_shows_the_lora_that_was_asked_for(client: FlaskClient) -> None:
    body = {"prompt": "hi", "n_predict": 1, "lora": [{"id": 0, "scale": 0.5}]}
    shown = client.post("/completion", json=body).json
    assert shown is not None
    assert shown["generation_settings"]["lora"] == [{"id": 0, "scale": 0.5}]


@pytest.mark.parametrize(
    ("lora", "reason"),
    [
        ("x", "an array of objects with 'id' and 'scale'"),
        ([1], "element 0 must be an object"),
        ([{"id": 7, "scale": 1}], "there is no adapter 7: this server has 0 to 1"),
    ],
)
def test_a_wrong_lora_is_the_clients_fault(client: FlaskClient, lora: object, reason: str) -> None:
    reply = client.post("/completion", json={"prompt": "hi", "lora": lora})
    message = assert_error(reply, 400, "invalid_request_error")
    assert message.startswith("Field 'lora': ")
    assert reason in message


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "is empty; send a JSON array"),
        (b"[", "is not valid JSON"),
        (b'{"id": 0}', "Request body must be an array"),
        (b'[{"id": 7, "scale": 1}]', "there is no adapter 7"),
        (b'[{"id": 0, "scale": "x"}]', "element 0"),
    ],
)
def test_wrong_scales_change_nothing(client: FlaskClient, raw: bytes, reason: str) -> None:
    client.post("/lora-adapters", json=[{"id": 0, "scale": 0.5}])
    reply = client.post("/lora-adapters", data=raw)
    assert reason in assert_error(reply, 400, "invalid_request_error")
    assert scales(client) == [0.5, 0.0]
