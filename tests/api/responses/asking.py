"""Responses of an engine that says what a test wants, as the official client reads them."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Flask
from openai.types.responses import Response
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter
from werkzeug.test import TestResponse

from server.engine.task import StopType
from server.engine.task import Timings
from tests.api.replies import parts
from tests.api.scripted import ScriptedEngine
from tests.api.scripted import finished
from tests.api.scripted import token
from tests.api.test_chat_tools import WEATHER
from tests.fakes import info

URL = "/v1/responses"
ROOMY = info(n_ctx_slot=4096, n_ctx=4096)
TOOL = {"type": "function", **WEATHER["function"]}
NOTE = {"type": "custom", "name": "note", "description": "Writes down a text."}
EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
Json = dict[str, Any]


class Scripted:
    """An app whose engine says the pieces that a test wants; `fields` go with every request."""

    def __init__(self, engine: ScriptedEngine, app: Flask) -> None:
        engine.show(info=ROOMY)
        self.engine = engine
        self.client = app.test_client()

    def post(self, *pieces: str, stop: StopType = StopType.EOS, **fields: object) -> TestResponse:
        """Ask; the model's answer comes in these pieces."""
        body = {"input": "hi", **fields}

        def answer(task: Any) -> list[Any]:
            text = "".join(pieces)
            if not task.stream:
                return [finished(task, text, stop_type=stop)]
            tokens = [token(task, piece) for piece in pieces]
            timings = Timings(n_decoded=len(text))
            return [*tokens, finished(task, "", stop_type=stop, timings=timings)]

        with self.engine.answering(answer):
            return self.client.post(URL, json=body)

    def prompt(self, **fields: object) -> str:
        """What the model is shown."""
        prompts = []

        def answer(task: Any) -> list[Any]:
            prompts.append(bytes(i for i in task.prompt.tolist() if i < 256).decode())
            return [finished(task, "", stop_type=StopType.EOS)]

        with self.engine.answering(answer):
            assert self.client.post(URL, json={"input": "hi", **fields}).status_code == 200
        return prompts[0]


def read(reply: TestResponse) -> Json:
    """A whole response, which the client's own type accepts."""
    assert reply.status_code == 200, reply.data
    found: Json = orjson.loads(reply.data)
    Response.model_validate(found)
    return found


def events(reply: TestResponse) -> list[Json]:
    """The events of a stream, each of which the client's own types accept."""
    assert reply.status_code == 200, reply.data
    found = []
    for block in parts(reply.data):
        if block.startswith(b":"):
            continue
        name, data = block.split(b"\n")[-2:]
        event = orjson.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        EVENT.validate_python(event)
        found.append(event)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found
