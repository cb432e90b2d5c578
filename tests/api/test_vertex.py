"""Vertex AI's way of asking."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from server.api.vertex import camel_case
from server.errors import OptionError
from server.options.vertex import Vertex
from tests.api.conftest import Server
from tests.api.conftest import settings_of
from tests.api.replies import assert_error
from tests.fakes import FakeRunner
from tests.fakes import next_letter

Maker = Callable[..., FlaskClient]


@pytest.fixture
def vertex() -> Iterator[Maker]:
    """Makes clients of servers that Vertex AI asks; options as for `serve`."""
    servers: list[Server] = []

    def make(health_path: str = "", predict_path: str = "/predict", **options: str) -> FlaskClient:
        settings = replace(settings_of(**options), vertex=Vertex(8080, health_path, predict_path))
        servers.append(Server(FakeRunner(next_letter), settings))
        return servers[-1].client

    yield make
    for server in servers:
        server.close()


def predictions(client: FlaskClient, *instances: object, **kwargs: Any) -> list[Any]:
    path = kwargs.pop("path", "/predict")
    reply = client.post(path, json={"instances": list(instances)}, **kwargs)
    assert reply.status_code == 200, reply.text
    answers: list[Any] = reply.json["predictions"]
    return answers


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/chat/completions", "chatCompletions"),
        ("/apply-template", "applyTemplate"),
        ("/tokenize", "tokenize"),
        ("/v1/lora_adapters/x", "loraAdaptersX"),
    ],
)
def test_a_route_has_a_name_in_camel_case(path: str, name: str) -> None:
    assert camel_case(path) == name


def test_each_instance_is_answered_in_its_place(vertex: Maker) -> None:
    tokens, template, chat = predictions(
        vertex(),
        {"@requestFormat": "tokenize", "content": "ab"},
        {"@requestFormat": "/apply-template", "messages": [{"role": "user", "content": "hi"}]},
        {
            "@requestFormat": "chatCompletions",
            "messages": [{"role": "user", "content": "hi"}],
            "max_tokens": 3,
        },
    )
    assert tokens == {"tokens": [97, 98]}
    assert "hi" in template["prompt"]
    assert (chat["object"], chat["usage"]["completion_tokens"]) == ("chat.completion", 3)


def test_a_short_name_means_the_openai_route(vertex: Maker) -> None:
    (answer,) = predictions(
        vertex(), {"@requestFormat": "completions", "prompt": "a", "max_tokens": 1}
    )
    assert answer["object"] == "text_completion"


def test_a_route_that_is_read_can_be_asked_too(vertex: Maker) -> None:
    assert predictions(vertex(), {"@requestFormat": "health"}) == [{"status": "ok"}]


def test_an_instance_that_streams_is_answered_whole(vertex: Maker) -> None:
    (answer,) = predictions(
        vertex(), {"@requestFormat": "/completion", "prompt": "a", "n_predict": 2, "stream": True}
    )
    assert answer["tokens_predicted"] == 2


@pytest.mark.parametrize(
    ("instance", "said"),
    [
        (5, "must be a JSON object"),
        ({"content": "a"}, "@requestFormat"),
        ({"@requestFormat": 5}, "@requestFormat"),
        ({"@requestFormat": "nothing"}, "no route is called nothing"),
        ({"@requestFormat": "/slots/<id_slot>"}, "no route is called"),
        ({"@requestFormat": "/predict"}, "no route is called /predict"),
        ({"@requestFormat": "tokenize", "content": 5}, "content"),
    ],
)
def test_an_instance_that_is_wrong_spoils_no_other(
    vertex: Maker, instance: object, said: str
) -> None:
    good = {"@requestFormat": "tokenize", "content": "a"}
    first, wrong, last = predictions(vertex(), good, instance, good)
    assert first == last == {"tokens": [97]}
    assert (wrong["error"]["code"], wrong["error"]["type"]) == (400, "invalid_request_error")
    assert said in wrong["error"]["message"]


@pytest.mark.parametrize("body", [{}, {"instances": 5}, {"instances": [{}] * 129}, []])
def test_what_is_no_list_of_instances_is_refused(vertex: Maker, body: object) -> None:
    assert_error(vertex().post("/predict", json=body), 400, "invalid_request_error")


def test_no_instances_have_no_predictions(vertex: Maker) -> None:
    assert predictions(vertex()) == []


def test_prefix_and_keys_hold_for_the_whole_and_its_parts(vertex: Maker) -> None:
    client = vertex(api_prefix="/llm", api_key="k", predict_path="/ask")
    instance = {"@requestFormat": "tokenize", "content": "a"}
    body = {"instances": [instance]}
    assert_error(client.post("/llm/ask", json=body), 401, "authentication_error")
    headers = {"Authorization": "Bearer k"}
    assert predictions(client, instance, path="/llm/ask", headers=headers) == [{"tokens": [97]}]


def test_health_has_a_second_path(vertex: Maker) -> None:
    client = vertex(health_path="/alive")
    assert client.get("/alive").json == client.get("/health").json == {"status": "ok"}
    assert vertex(health_path="/health").get("/health").status_code == 200


def test_a_path_that_is_taken_is_refused_at_the_start(vertex: Maker) -> None:
    with pytest.raises(OptionError, match="AIP_PREDICT_ROUTE: /completion is a route"):
        vertex(predict_path="/completion")


def test_without_vertex_ai_there_is_no_such_route(client: FlaskClient) -> None:
    assert_error(client.post("/predict", json={"instances": []}), 404, "not_found_error")
