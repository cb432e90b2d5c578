"""What a response is, and that its events add up to it, as the official client adds them up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openai import NOT_GIVEN
from openai.lib.streaming.responses._responses import ResponseStreamState

from server.engine.task import StopType
from tests.api.responses.asking import EVENT
from tests.api.responses.asking import NOTE
from tests.api.responses.asking import TOOL
from tests.api.responses.asking import URL
from tests.api.responses.asking import Json
from tests.api.responses.asking import Scripted
from tests.api.responses.asking import events
from tests.api.responses.asking import read
from tests.api.scripted import token
from tests.api.test_chat_tools import CALL


def without_ids(response: Json) -> Json:
    """What two equal answers have in common."""
    items = [
        {key: value for key, value in item.items() if key not in ("id", "call_id")}
        for item in response["output"]
    ]
    fleeting = ("id", "created_at", "completed_at", "timings")
    return {k: v for k, v in response.items() if k not in fleeting} | {"output": items}


def splits(text: str) -> Iterator[list[str]]:
    """Every way to cut it in two, and character by character."""
    yield [*text]
    for i in range(1, len(text)):
        yield [text[:i], text[i:]]


NOTED = (
    '<tool_call>\n{"name": "note", "arguments": {"input": "a \\"b\\"\\n\\u00e9 \\ud83d\\ude00"}}\n'
    "</tool_call>"
)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("Hello there.", {}),
        (f"<think>\nHm.\n</think>\n\nLet me see. {CALL}", {"tools": [TOOL]}),
        (
            f"<think>\nHm.\n</think>\n\n{CALL}\n{CALL}",
            {"reasoning": {"summary": "auto"}, "tools": [TOOL]},
        ),
        (f"Well. {NOTED}", {"tools": [TOOL, NOTE]}),
        ("no <tool_call", {"tools": [TOOL]}),
        ("", {}),
    ],
)
def test_the_clients_accumulator_gets_the_whole_response_at_every_split(
    says: Scripted, text: str, fields: Json
) -> None:
    whole = without_ids(read(says.post(text, **fields)))
    for pieces in splits(text):
        state: ResponseStreamState[None] = ResponseStreamState(
            text_format=NOT_GIVEN, input_tools=[]
        )  # type: ignore[arg-type]
        found = events(says.post(*pieces, stream=True, **fields))
        for event in found:
            state.handle_event(EVENT.validate_python(event))
        assert found[-1]["type"] == "response.completed"
        assert without_ids(found[-1]["response"]) == whole
        assert without_ids(added_up(found)) == whole
        final = state._completed_response
        assert final is not None
        assert [item.type for item in final.output] == [each["type"] for each in whole["output"]]


def added_up(found: list[Json]) -> Json:
    """The last response with the output that the deltas alone add up to."""
    output: list[Json] = []
    for event in found:
        kind = event["type"]
        if kind == "response.output_item.added":
            output.append(event["item"])
        elif kind in ("response.content_part.added", "response.reasoning_summary_part.added"):
            key = "content" if kind == "response.content_part.added" else "summary"
            output[event["output_index"]][key].append(event["part"])
        elif kind.endswith(".delta"):
            item = output[event["output_index"]]
            assert item["id"] == event["item_id"]
            key = {"function_call": "arguments", "custom_tool_call": "input"}.get(item["type"])
            if key:
                item[key] += event["delta"]
            else:
                held = item.get("summary") or item["content"]
                held[0]["text"] += event["delta"]
        elif kind == "response.output_item.done":
            item = output[event["output_index"]] | {"status": "completed"}
            assert item == event["item"]
            output[event["output_index"]] = item
    return {**found[-1]["response"], "output": output}


def test_a_response_says_what_was_asked(says: Scripted) -> None:
    asked: Json = {
        "instructions": "Be brief.",
        "max_output_tokens": 5,
        "temperature": 0.5,
        "metadata": {"a": "b"},
        "reasoning": {"effort": "low"},
        "tools": [TOOL],
        "parallel_tool_calls": False,
        "truncation": "auto",
        "prompt_cache_key": "mine",
    }
    found = read(says.post("Hi", **asked))
    same = [key for key in asked if key not in ("tools", "reasoning")]
    assert {key: found[key] for key in same} == {key: asked[key] for key in same}
    assert found["tools"][0]["name"] == "weather"
    assert found["reasoning"] == {"effort": "low", "summary": None}
    assert found["usage"]["total_tokens"] == found["usage"]["input_tokens"] + 2


def test_an_answer_that_is_cut_off_is_incomplete(says: Scripted) -> None:
    found = read(says.post("Hel", stop=StopType.LIMIT))
    assert (found["status"], found["output"][0]["status"]) == ("incomplete", "incomplete")
    assert found["incomplete_details"] == {"reason": "max_output_tokens"}
    last = events(says.post("Hel", stop=StopType.LIMIT, stream=True))[-1]
    assert last["type"] == "response.incomplete"
    assert without_ids(last["response"]) == without_ids(found)


def test_a_stream_that_fails_says_so(says: Scripted) -> None:
    from server.engine.task import ErrorKind
    from server.engine.task import Failed

    def answer(task: Any) -> list[Any]:
        return [token(task, "Hel"), Failed(task.id, ErrorKind.SERVER, "the batch failed")]

    with says.engine.answering(answer):
        found = events(says.client.post(URL, json={"input": "hi", "stream": True}))
    assert [event["type"] for event in found[-2:]] == [
        "response.output_item.done",
        "response.failed",
    ]
    assert found[-1]["response"]["error"]["message"] == "the batch failed"
