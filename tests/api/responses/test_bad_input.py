"""Whatever is wrong with a body is a 400 that names the field."""

from __future__ import annotations

import orjson
import pytest
from flask.testing import FlaskClient

from server.schema import bodies
from server.schema.field import Field
from tests.api.responses.asking import NOTE
from tests.api.responses.asking import TOOL
from tests.api.responses.asking import URL
from tests.api.responses.asking import Json
from tests.api.responses.asking import Scripted

CALLED = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}


WRONG: list[tuple[Json, str]] = [
    ({"input": None}, "input"),
    ({"input": 5}, "input"),
    ({"input": [5]}, "input[0]"),
    ({"input": [{"type": "sound"}]}, "input[0].type"),
    ({"input": [{}]}, "input[0].type"),
    ({"input": [{"role": "king", "content": "x"}]}, "input[0].role"),
    ({"input": [{"role": "user"}]}, "input[0].content"),
    ({"input": [{"role": "user", "content": 5}]}, "input[0].content"),
    ({"input": [{"role": "user", "content": [5]}]}, "input[0].content[0]"),
    ({"input": [{"role": "user", "content": [{"type": "x"}]}]}, "input[0].content[0].type"),
    (
        {"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
        "input[0].content[0].text",
    ),
    (
        {"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
        "input[0].content[0].type",
    ),
    (
        {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
        "input[0].content[0].image_url",
    ),
    (
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:x"}]}]},
        "input[0]",
    ),
    ({"input": [CALLED | {"arguments": 5}]}, "input[0].arguments"),
    ({"input": [CALLED | {"name": None}]}, "input[0].name"),
    ({"input": [{"type": "function_call_output", "call_id": "c"}]}, "input[0].output"),
    ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
    ({"input": [{"type": "reasoning", "summary": "x"}]}, "input[0].summary"),
    ({"input": [{"type": "item_reference", "id": "msg_no"}]}, "input[0].id"),
    ({"instructions": 5}, "instructions"),
    ({"tools": 5}, "tools"),
    ({"tools": [{}]}, "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ({"tools": [TOOL | {"parameters": 5}]}, "tools[0].parameters"),
    ({"tools": [TOOL | {"strict": 5}]}, "tools[0].strict"),
    ({"tools": [NOTE | {"format": {"type": "x"}}]}, "tools[0].format"),
    (
        {"tools": [NOTE | {"format": {"type": "grammar", "syntax": "lark"}}]},
        "tools[0].format.syntax",
    ),
    ({"tool_choice": 5}, "tool_choice"),
    ({"tool_choice": "perhaps"}, "tool_choice"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "x"}}, "tool_choice.name"),
    ({"tools": [TOOL], "tool_choice": {"type": "web_search"}}, "tool_choice"),
    (
        {
            "tools": [TOOL],
            "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [5]},
        },
        "tool_choice.tools[0]",
    ),
    ({"parallel_tool_calls": "yes"}, "parallel_tool_calls"),
    ({"text": 5}, "text"),
    ({"text": {"format": {}}}, "text.format.type"),
    ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
    ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
    (
        {"text": {"format": {"type": "json_schema", "schema": {"type": "zz"}}}},
        "text.format.schema",
    ),
    ({"reasoning": 5}, "reasoning"),
    ({"reasoning": {"effort": 5}}, "reasoning.effort"),
    ({"max_output_tokens": 0}, "max_output_tokens"),
    ({"max_output_tokens": "many"}, "max_output_tokens"),
    ({"max_tool_calls": "many"}, "max_tool_calls"),
    ({"truncation": "some"}, "truncation"),
    ({"include": "all"}, "include"),
    ({"include": ["everything"]}, "include[0]"),
    ({"top_logprobs": 21}, "top_logprobs"),
    ({"temperature": "hot"}, "temperature"),
    ({"top_p": "x"}, "top_p"),
    ({"stream": "yes"}, "stream"),
    ({"store": 1}, "store"),
    ({"background": "x"}, "background"),
    ({"background": True, "store": False}, "background"),
    ({"previous_response_id": 5}, "previous_response_id"),
    ({"previous_response_id": "resp_no"}, "previous_response_id"),
    ({"metadata": {"a": 5}}, "metadata.a"),
    ({"metadata": {str(i): "x" for i in range(17)}}, "metadata"),
    ({"conversation": "conv_1"}, "conversation"),
    ({"prompt": {"id": "x"}}, "prompt"),
    ({"user": 5}, "user"),
    ({"service_tier": 5}, "service_tier"),
    ({"n": 2}, "n"),
    ({"top_k": "many"}, "top_k"),
    ({"safety_identifier": 5}, "safety_identifier"),
    ({"prompt_cache_key": 5}, "prompt_cache_key"),
]


@pytest.mark.parametrize(
    ("fields", "param"), WRONG, ids=lambda value: value if isinstance(value, str) else ""
)
def test_bad_input_is_a_400_that_names_the_field(says: Scripted, fields: Json, param: str) -> None:
    reply = says.client.post(URL, json={"input": "hi", **fields})
    assert reply.status_code == 400, reply.data
    error = orjson.loads(reply.data)["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param, error
    assert error["code"] == 400
    assert param.split("[")[0].split(".")[0] in error["message"]


LENIENT = {"logit_bias", "parse_tool_calls", "continue_final_message"}
"""What llama-server takes whatever it is; so do we."""


SHARED = [
    row
    for row in bodies.RESPONSE.completion
    if row.name not in {own.name for own in bodies.RESPONSE.rows} | LENIENT
]


@pytest.mark.parametrize("row", SHARED, ids=lambda row: row.name)
def test_a_field_of_a_completion_is_refused_in_the_same_form(
    client: FlaskClient, row: Field
) -> None:
    wrong = {row.name: [{"x": 1}]}
    asked = {"input": "hi", **({row.parent: wrong} if row.parent else wrong)}
    reply = client.post(URL, json=asked)
    assert reply.status_code == 400, reply.data
    assert row.name in orjson.loads(reply.data)["error"]["message"]


def test_every_field_of_the_dialect_is_sent_wrong_once() -> None:
    own = {row.name for row in bodies.RESPONSE.rows if row.form != {} or row.name == "prompt"}
    assert own <= {name for fields, _ in WRONG for name in fields}


@pytest.mark.parametrize("path", [URL, "/responses", f"{URL}/input_tokens", f"{URL}/no/such/path"])
def test_errors_have_one_form_on_all_paths(says: Scripted, path: str) -> None:
    reply = says.client.post(path, data="{")
    error = orjson.loads(reply.data)["error"]
    assert set(error) == {"code", "message", "type", "param"}
