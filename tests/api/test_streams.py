"""Streams: when bytes leave, silence, and errors after the headers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from server.engine.task import ErrorKind
from server.engine.task import Failed
from tests.api.replies import assert_error_body
from tests.api.replies import events
from tests.api.scripted import ScriptedEngine
from tests.api.scripted import finished
from tests.api.scripted import token

Scripted = Callable[..., tuple[ScriptedEngine, Flask]]


def post(app: Flask, **body: object) -> TestResponse:
    return app.test_client().post("/v1/completions", json={"prompt": "a", "stream": True} | body)


def test_a_stream_begins_before_the_first_token(scripted: Scripted) -> None:
    engine, app = scripted()
    reply = post(app)
    chunks = iter(reply.response)
    assert (reply.status_code, next(chunks)) == (200, b":\n\n")
    (task,) = engine.tasks()
    engine.say(token(task, "x"), finished(task))
    assert b'"text":"x"' in next(chunks)
    reply.close()


def test_a_silent_stream_carries_comments(scripted: Scripted) -> None:
    engine, app = scripted()
    reply = post(app, sse_ping_interval=1)
    chunks = iter(reply.response)
    assert [next(chunks), next(chunks)] == [b":\n\n", b":\n\n"]
    (task,) = engine.tasks()
    engine.say(finished(task))
    assert next(chunks).endswith(b"data: [DONE]\n\n")
    reply.close()


def test_an_error_after_the_headers_is_an_event_and_the_end(scripted: Scripted) -> None:
    engine, app = scripted()
    reply = post(app)
    (task,) = engine.tasks()
    engine.say(token(task, "x"), Failed(task.id, ErrorKind.SERVER, "out of luck"))
    chunk, error = events(reply)
    assert chunk["choices"][0]["text"] == "x"
    assert assert_error_body(error, 500, "server_error") == "out of luck"


def test_a_failure_of_one_prompt_ends_the_stream_of_all(scripted: Scripted) -> None:
    engine, app = scripted()
    reply = post(app, prompt=["a", "b"])
    first, second = engine.tasks()
    engine.say(Failed(first.id, ErrorKind.SERVER, "out of luck"), token(second, "x"))
    assert [list(event) for event in events(reply)] == [["error"]]
    assert engine.cancelled() == (second.id,)


def test_a_bug_while_streaming_is_an_event_that_tells_nothing(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    engine, app = scripted()
    reply = post(app)
    (task,) = engine.tasks()
    engine.say(token(task, "\ud800"))
    (error,) = events(reply)
    assert "surrogate" not in assert_error_body(error, 500, "server_error")
    assert "surrogate" in caplog.text


def test_the_last_event_and_done_leave_together(scripted: Scripted) -> None:
    engine, app = scripted()
    reply = post(app)
    (task,) = engine.tasks()
    engine.say(finished(task))
    *_, last = reply.response
    assert last.startswith(b"data: {") and last.endswith(b"}\n\ndata: [DONE]\n\n")


def test_text_that_was_held_back_comes_with_the_end(scripted: Scripted) -> None:
    engine, app = scripted()
    reply = post(app)
    (task,) = engine.tasks()
    engine.say(token(task, ""), finished(task, "sto"))
    chunks = events(reply)
    assert [chunk["choices"][0]["text"] for chunk in chunks[:-1]] == ["", "sto"]


def test_an_engine_that_ended_does_not_keep_its_clients_waiting(scripted: Scripted) -> None:
    engine, app = scripted()
    reply = post(app, sse_ping_interval=1)
    engine.close()
    assert b'"unavailable_error"' in b"".join(reply.response)


def test_closing_a_stream_that_was_never_read_cancels_it(scripted: Scripted) -> None:
    engine, app = scripted()
    reply = post(app)
    (task,) = engine.tasks()
    reply.close()
    assert engine.cancelled() == (task.id,)


def test_closing_a_stream_in_its_middle_cancels_it(scripted: Scripted) -> None:
    engine, app = scripted()
    reply = post(app)
    (task,) = engine.tasks()
    engine.say(token(task, "x"))
    chunks = iter(reply.response)
    assert next(chunks) == b":\n\n"
    assert b'"text":"x"' in next(chunks)
    reply.close()
    assert engine.cancelled() == (task.id,)
