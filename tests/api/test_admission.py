"""Who may begin: the bounded queue, and what API keys are allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.api.admission import Admission
from server.api.admission import DrainRate
from server.api.auth import ApiKeys
from server.api.errors import Overloaded
from server.api.meter import Meter
from server.app import reload_keys
from server.errors import OptionError
from server.options.keys import Role
from server.options.keys import read_keys
from server.options.resolve import resolve
from tests.api.conftest import ServerMaker
from tests.api.conftest import settings_of
from tests.api.replies import assert_error
from tests.api.scripted import ScriptedEngine
from tests.api.scripted import finished

BODY = {"prompt": "hello", "n_predict": 2}
Scripted = Callable[..., tuple[ScriptedEngine, Flask]]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def key_file(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "keys"
    path.write_text("\n".join(lines))
    return str(path)


# the queue


def test_beyond_the_queue_requests_are_refused_until_one_ends() -> None:
    clock = Clock()
    admission = Admission(n_slots=2, queue_max=3, clock=clock)
    client = ApiKeys(()).everybody
    tickets = [admission.enter(client) for _ in range(5)]
    with pytest.raises(Overloaded, match="3 requests wait already"):
        admission.enter(client)
    tickets.pop().close()
    admission.enter(client)
    assert (admission.n_waiting, admission.n_refused) == (3, 1)


def test_a_ticket_is_given_back_once() -> None:
    admission = Admission(n_slots=1, queue_max=0)
    ticket = admission.enter(ApiKeys(()).everybody)
    ticket.close()
    ticket.close()
    admission.enter(ApiKeys(()).everybody)
    with pytest.raises(Overloaded):
        admission.enter(ApiKeys(()).everybody)


def test_the_wait_follows_from_how_fast_requests_end() -> None:
    clock = Clock()
    rate = DrainRate(clock)
    for _ in range(20):
        rate.add()
        clock.now += 0.5
    assert rate.wait_s(10) == pytest.approx(5.0)
    clock.now += 3600
    assert rate.wait_s(10) == 5.0  # nothing is known any more


def test_a_full_queue_is_a_429_before_the_body_is_read(scripted: Scripted) -> None:
    engine, app = scripted(queue_max="0", parallel="1")
    service = app.extensions["llamactl"]
    service.admission.enter(service.keys.everybody)
    reply = app.test_client().post("/completion", data=b"no JSON at all")
    assert_error(reply, 429, "overloaded_error")
    assert int(reply.headers["Retry-After"]) >= 1
    assert app.test_client().get("/health").status_code == 200
    del engine


def test_refused_bodies_give_their_place_back(serve: ServerMaker) -> None:
    server = serve(queue_max="0", parallel="1")
    for _ in range(3):
        assert server.client.post("/completion", data=b"{").status_code == 400
    assert server.client.post("/completion", json=BODY).status_code == 200


def test_streams_give_their_place_back(serve: ServerMaker) -> None:
    server = serve(queue_max="0", parallel="1")
    for _ in range(3):
        reply = server.client.post("/v1/completions", json=BODY | {"stream": True})
        assert reply.status_code == 200
        assert b"[DONE]" in reply.get_data()


def test_who_waits_too_long_is_told_429(scripted: Scripted) -> None:
    from server.engine.task import ErrorKind
    from server.engine.task import Failed

    engine, app = scripted()
    with engine.answering(lambda task: [Failed(task.id, ErrorKind.OVERLOADED, "too long")]):
        reply = app.test_client().post("/completion", json=BODY)
    assert_error(reply, 429, "overloaded_error")
    assert reply.headers["Retry-After"] == "1"


# keys


def test_a_line_of_a_key_file_says_what_the_key_may(tmp_path: Path) -> None:
    path = key_file(tmp_path, "# web", "sk-1 name=web role=api concurrent=4 models=a,b", "my key")
    first, second = read_keys(settings_of(api_key_file=path).http)
    assert (first.key, first.name, first.role, first.concurrent) == ("sk-1", "web", Role.API, 4)
    assert first.models == ("a", "b")
    assert (second.key, second.role) == ("my key", Role.ADMIN)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [("rol=api", "rol: not known"), ("role=root", "role: "), ("concurrent=0", "concurrent: ")],
)
def test_a_wrong_line_names_the_word_and_never_the_key(
    tmp_path: Path, words: str, sentence: str
) -> None:
    http = resolve((), {}, preset={"api-key-file": key_file(tmp_path, f"secret {words}")}).http
    with pytest.raises(OptionError, match=sentence) as refusal:
        read_keys(http)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("api", "/v1/models", 200),
        ("api", "/slots", 403),
        ("api", "/metrics", 403),
        ("metrics", "/metrics", 200),
        ("metrics", "/v1/models", 403),
        ("metrics", "/slots", 403),
        ("admin", "/slots", 200),
        ("admin", "/metrics", 200),
    ],
)
def test_a_role_opens_its_routes(
    serve: ServerMaker, tmp_path: Path, role: str, path: str, status: int
) -> None:
    server = serve(api_key_file=key_file(tmp_path, f"k role={role}"), metrics="on")
    reply = server.client.get(path, headers=bearer("k"))
    assert reply.status_code == status
    if status == 403:
        assert_error(reply, 403, "permission_error")


def ask(client: FlaskClient, key: str, **fields: object) -> int:
    return client.post("/completion", json=BODY | fields, headers=bearer(key)).status_code


def test_requests_a_minute_are_limited_for_each_key(serve: ServerMaker, tmp_path: Path) -> None:
    client = serve(api_key_file=key_file(tmp_path, "a requests_per_min=2", "b")).client
    assert [ask(client, "a") for _ in range(3)] == [200, 200, 429]
    assert ask(client, "b") == 200


def test_tokens_a_minute_are_counted_when_they_are_known(
    serve: ServerMaker, tmp_path: Path
) -> None:
    client = serve(api_key_file=key_file(tmp_path, "a tokens_per_min=5")).client
    assert [ask(client, "a") for _ in range(2)] == [200, 429]


def test_requests_at_the_same_time_are_limited(scripted: Scripted, tmp_path: Path) -> None:
    engine, app = scripted(api_key_file=key_file(tmp_path, "a concurrent=1"))
    statuses = []

    def answer(task: object) -> list[object]:
        statuses.append(ask(app.test_client(), "a"))
        return [finished(task)]  # type: ignore[arg-type]

    with engine.answering(answer):  # type: ignore[arg-type]
        assert ask(app.test_client(), "a") == 200
    assert statuses == [429]


def test_another_model_may_be_out_of_reach(serve: ServerMaker, tmp_path: Path) -> None:
    client = serve(
        api_key_file=key_file(tmp_path, "a models=big,small", "b models=other"), alias="small"
    ).client
    assert (ask(client, "a"), ask(client, "b")) == (200, 403)


def test_a_key_claims_no_better_priority_than_it_has(serve: ServerMaker, tmp_path: Path) -> None:
    client = serve(api_key_file=key_file(tmp_path, "a", "b priority=-2")).client
    assert [ask(client, "a", priority=p) for p in (-1, 0, 7)] == [403, 200, 200]
    assert [ask(client, "b", priority=p) for p in (-2, -3)] == [200, 403]


def test_without_keys_any_priority_may_be_claimed(client: FlaskClient) -> None:
    assert client.post("/completion", json=BODY | {"priority": -9}).status_code == 200


def test_what_a_key_used_stays_used_when_the_file_is_read_again(
    serve: ServerMaker, tmp_path: Path
) -> None:
    path = key_file(tmp_path, "a requests_per_min=2")
    server = serve(api_key_file=path)
    assert [ask(server.client, "a") for _ in range(2)] == [200, 200]
    key_file(tmp_path, "a requests_per_min=3")
    reload_keys(server.app)
    assert [ask(server.client, "a") for _ in range(2)] == [200, 429]


def test_a_bucket_fills_evenly() -> None:
    clock = Clock()
    meter = Meter(60, 0, 0, clock)
    assert all(meter.begin(1.0) is None for _ in range(60))
    exceeded = meter.begin(1.0)
    assert exceeded is not None and exceeded.retry_after_s == pytest.approx(1.0)
    clock.now += 1.01
    assert meter.begin(1.0) is None


# how long an answer may be


@pytest.mark.parametrize(
    ("options", "wanted", "posted"),
    [
        ({}, -1, -1),
        ({"context_shift": "on"}, -1, 64),
        ({"context_shift": "on", "predict_limit": "-1"}, -1, -1),
        ({"predict_limit": "7"}, -1, 7),
        ({"predict_limit": "7"}, 9, 9),
        ({"n_predict": "5"}, -1, 5),
        ({"n_predict": "5", "predict_limit": "7"}, -1, 5),
        ({"n_predict": "5"}, 9, 9),
    ],
)
def test_an_answer_without_a_limit_gets_one(
    scripted: Scripted, options: dict[str, str], wanted: int, posted: int
) -> None:
    engine, app = scripted(**options)
    limits = []

    def answer(task: object) -> list[object]:
        limits.append(task.n_predict)  # type: ignore[attr-defined]
        return [finished(task)]  # type: ignore[arg-type]

    with engine.answering(answer):  # type: ignore[arg-type]
        app.test_client().post("/completion", json=BODY | {"n_predict": wanted})
    n_ctx = engine.client.board.info.n_ctx_slot  # type: ignore[union-attr]
    assert limits == [n_ctx if posted == 64 else posted]
