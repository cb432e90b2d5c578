"""Asking `/v1/messages` of a model that says what the test wants."""

from __future__ import annotations

from typing import Any

import orjson

from server.api.messages.body import chat_body
from tests.api.conftest import Server
from tests.api.conftest import ServerMaker
from tests.api.test_chat_tools import ROOMY
from tests.api.test_chat_tools import TEMPLATE
from tests.fakes import Rule
from tests.fakes import says

PATH = "/v1/messages"
INVALID = "invalid_request_error"
HI = [{"role": "user", "content": "hi"}]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"enum": ["Oslo", "Paris"]}},
    "required": ["city"],
}
WEATHER = {"name": "weather", "description": "The weather of a city", "input_schema": SCHEMA}
THOUGHT = "<think>\nHm.\n</think>\n\n"


def server_of(serve: ServerMaker, text: str | Rule, **options: str) -> Server:
    """A server whose model writes this text, or by this rule."""
    rule = says(text.encode()) if isinstance(text, str) else text
    return serve(rule, ROOMY, chat_template=TEMPLATE, **options)


def message(server: Server, **fields: object) -> dict[str, Any]:
    """The message that answers these fields."""
    reply = server.client.post(PATH, json={"messages": HI, "max_tokens": 400, **fields})
    assert reply.status_code == 200, reply.text
    assert reply.headers["request-id"].startswith("req_")
    found: dict[str, Any] = orjson.loads(reply.data)
    return found


def streamed(server: Server, **fields: object) -> bytes:
    """The stream that answers these fields."""
    body = {"messages": HI, "max_tokens": 400, "stream": True, **fields}
    reply = server.client.post(PATH, json=body)
    assert reply.content_type == "text/event-stream", reply.text
    return bytes(reply.data)


def prompt_of(body: dict[str, Any], *, keeps_billing: bool = False) -> Any:
    """The body of the chat that a conversation becomes."""
    return chat_body(body, keeps_billing=keeps_billing).body


def chat_of(*messages: dict[str, Any], **fields: object) -> Any:
    """The chat's messages that these become."""
    return prompt_of({"messages": list(messages), **fields})["messages"]


def without_ids(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Blocks of content without what differs each time."""
    return [{k: v for k, v in block.items() if k != "id"} for block in blocks]
