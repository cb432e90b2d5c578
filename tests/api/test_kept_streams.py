"""`X-Conversation-Id` and `/v1/stream`: a stream that its client may leave and read again."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from server.engine.task import ErrorKind
from server.engine.task import Failed
from server.engine.task import Task
from tests.api.conftest import ServerMaker
from tests.api.replies import assert_error
from tests.api.replies import parts
from tests.api.scripted import ScriptedEngine
from tests.api.scripted import finished
from tests.api.scripted import token

Scripted = Callable[..., tuple[ScriptedEngine, Flask]]
KEY = {"X-Conversation-Id": "a"}
ID = re.compile(rb"^id: (\d+)\n", re.MULTILINE)


def begin(app: Flask, key: str = "a", **body: object) -> TestResponse:
    return app.test_client().post(
        "/v1/completions",
        json={"prompt": "a", "stream": True} | body,
        headers={"X-Conversation-Id": key},
    )


def read(app: Flask, query: str = "", **headers: str) -> TestResponse:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.test_client().get(f"/v1/stream?conv_id=a{query}", headers=names)


def whole(engine: ScriptedEngine, app: Flask, text: str = "xy") -> tuple[bytes, Task]:
    """A stream that ended, as its first client got it."""
    reply = begin(app)
    (task,) = engine.tasks()
    engine.say(*(token(task, letter, i + 1) for i, letter in enumerate(text)), finished(task))
    return reply.data, task


def test_a_stream_goes_on_when_its_client_leaves(scripted: Scripted) -> None:
    engine, app = scripted()
    reply = begin(app)
    (task,) = engine.tasks()
    engine.say(token(task, "x"))
    assert b'"text":"x"' in next(chunk for chunk in reply.response if chunk != b":\n\n")
    reply.close()
    engine.say(token(task, "y", 2), finished(task))
    assert re.findall(rb'"text":"(.?)"', read(app).data) == [b"x", b"y", b""]


def test_it_is_read_again_from_every_event(scripted: Scripted) -> None:
    engine, app = scripted()
    everything, _ = whole(engine, app, "hello")
    places = [int(place) for place in ID.findall(everything)]
    assert len(places) == 7 and places[-1] == len(everything)
    for place in places[:-1]:
        assert read(app, Last_Event_ID=str(place)).data == everything[place:]
        assert read(app, f"&from={place}").data == everything[place:]
    assert read(app).data == everything
    assert read(app, "&from=3", Last_Event_ID=str(places[2])).data == everything[places[2] :]


def test_a_reader_that_joins_gets_what_is_still_to_come(scripted: Scripted) -> None:
    engine, app = scripted()
    begin(app).close()
    (task,) = engine.tasks()
    engine.say(token(task, "x"))
    reply = read(app)
    chunks = iter(reply.response)
    seen = b""
    while b'"text":"x"' not in seen:
        seen += next(chunks)
    engine.say(finished(task))
    assert b"".join(chunks).endswith(b"data: [DONE]\n\n")


def test_the_events_are_those_of_an_ordinary_stream(serve: ServerMaker) -> None:
    client = serve().client
    body = {"prompt": "a", "stream": True, "n_predict": 5, "id_slot": 0, "cache_prompt": False}
    ordinary = client.post("/completion", json=body).data
    kept = client.post("/completion", json=body, headers=KEY).data
    assert ID.search(ordinary) is None
    shown = [re.sub(rb'"timings":{.*?},?', b"", part) for part in parts(ID.sub(b"", kept))]
    assert shown == [re.sub(rb'"timings":{.*?},?', b"", part) for part in parts(ordinary)]


def test_an_event_source_that_has_everything_is_told_not_to_ask_again(scripted: Scripted) -> None:
    engine, app = scripted()
    everything, _ = whole(engine, app)
    assert read(app, Last_Event_ID=str(len(everything))).status_code == 204
    reply = read(app, f"&from={len(everything)}")
    assert (reply.status_code, reply.data) == (200, b"")


def test_delete_ends_the_generation_and_forgets_the_stream(scripted: Scripted) -> None:
    engine, app = scripted()
    begin(app).close()
    (task,) = engine.tasks()
    client = app.test_client()
    assert client.delete("/v1/stream?conv_id=a").status_code == 204
    assert engine.cancelled() == (task.id,)
    assert_error(read(app), 404, "not_found_error")
    assert client.delete("/v1/stream?conv_id=a").status_code == 204


def test_a_newer_request_of_the_conversation_ends_the_older_one(scripted: Scripted) -> None:
    engine, app = scripted()
    begin(app).close()
    (old,) = engine.tasks()
    begin(app).close()
    (new,) = engine.tasks()
    assert engine.cancelled() == (old.id,)
    engine.say(token(new, "n"), finished(new))
    assert b'"text":"n"' in read(app).data


def test_a_refused_request_leaves_the_stream_before_it_alone(scripted: Scripted) -> None:
    engine, app = scripted()
    everything, _ = whole(engine, app)
    assert_error(begin(app, n_predict="many"), 400, "invalid_request_error")
    with engine.answering(lambda task: [Failed(task.id, ErrorKind.UNAVAILABLE, "no")]):
        assert_error(begin(app), 503, "unavailable_error")
    assert read(app).data == everything


def test_an_error_after_the_headers_is_kept_too(scripted: Scripted) -> None:
    engine, app = scripted()
    begin(app).close()
    (task,) = engine.tasks()
    engine.say(token(task, "x"), Failed(task.id, ErrorKind.SERVER, "out of luck"))
    assert b"out of luck" in read(app).data


def test_an_answer_that_is_not_streamed_is_not_kept(serve: ServerMaker) -> None:
    client = serve().client
    reply = client.post("/completion", json={"prompt": "a", "n_predict": 1}, headers=KEY)
    assert reply.status_code == 200
    assert client.get("/v1/stream?conv_id=a").status_code == 404


def test_lookup_tells_of_the_streams_asked_for_and_of_no_others(scripted: Scripted) -> None:
    engine, app = scripted()
    everything, _ = whole(engine, app)
    begin(app, "a::model").close()
    client = app.test_client()
    body = {"conversation_ids": ["a", "unknown", 5, None, ""]}
    rows = client.post("/v1/streams/lookup", json=body).get_json()
    assert [row["conversation_id"] for row in rows] == ["a", "a::model"]
    assert rows[0]["is_done"] and rows[0]["total_bytes"] == len(everything)
    assert rows[0]["completed_at"] >= rows[0]["started_at"] > 1_600_000_000
    assert not rows[1]["is_done"] and rows[1]["completed_at"] == 0
    for nothing in ({}, {"conversation_ids": None}, {"conversation_ids": "a"}):
        assert client.post("/v1/streams/lookup", json=nothing).get_json() == []


def test_an_id_of_any_script_is_the_same_in_header_and_query(scripted: Scripted) -> None:
    engine, app = scripted()
    begin(app, "grüße/世界".encode().decode("latin-1")).close()
    engine.tasks()
    rows = app.test_client().post("/v1/streams/lookup", json={"conversation_ids": ["grüße/世界"]})
    assert len(rows.get_json()) == 1
    path = "/v1/stream?conv_id=gr%C3%BC%C3%9Fe%2F%E4%B8%96%E7%95%8C"
    assert app.test_client().delete(path).status_code == 204
    assert len(engine.cancelled()) == 1


@pytest.mark.parametrize("query", ["&from=x", "&from=-1", "&from=1e3", "&from=" + "9" * 40])
def test_a_place_that_is_none_is_refused(scripted: Scripted, query: str) -> None:
    engine, app = scripted()
    whole(engine, app)
    assert "from" in assert_error(read(app, query), 400, "invalid_request_error")


def test_a_last_event_that_is_none_is_refused(scripted: Scripted) -> None:
    engine, app = scripted()
    whole(engine, app)
    assert "Last-Event-ID" in assert_error(
        read(app, Last_Event_ID="x"), 400, "invalid_request_error"
    )


def test_a_conversation_must_be_named(scripted: Scripted) -> None:
    _, app = scripted()
    client = app.test_client()
    for reply in (client.get("/v1/stream"), client.delete("/v1/stream?conv_id=")):
        assert_error(reply, 400, "invalid_request_error")
