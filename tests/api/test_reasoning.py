"""What servers and requests say of thinking: whether, how hard, how long, and when it is enough."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from tests.api.conftest import ServerMaker
from tests.api.test_chat_tools import CHAT
from tests.api.test_chat_tools import HI
from tests.api.test_chat_tools import ROOMY
from tests.api.test_chat_tools import TEMPLATE
from tests.api.test_chat_tools import answer
from tests.api.test_chat_tools import server_of
from tests.fakes import EOS

PONDERS = "<think>\none two three four five six seven</think>So."
SHOWN = TEMPLATE + "[{{ enable_thinking }}/{{ reasoning_effort }}/{{ colour }}]"
BEGUN: list[dict[str, Any]] = [*HI, {"role": "assistant", "content": "Well"}]


@pytest.mark.parametrize(
    ("options", "fields", "prompt"),
    [
        ({}, {}, "True//"),
        ({"reasoning": "off"}, {}, "False//"),
        ({"reasoning_effort": "high"}, {}, "True/high/"),
        ({"reasoning_effort": "high"}, {"reasoning_effort": "low"}, "True/low/"),
        ({"reasoning_effort": "high"}, {"reasoning_effort": "none"}, "False//"),
        ({"chat_template_kwargs": '{"colour": "red"}'}, {}, "True//red"),
        (
            {"chat_template_kwargs": '{"colour": "red"}', "reasoning": "off"},
            {"chat_template_kwargs": {"colour": "blue", "enable_thinking": True}},
            "True//blue",
        ),
    ],
)
def test_a_request_has_the_last_word_on_what_a_template_is_told(
    serve: ServerMaker, options: dict[str, str], fields: dict[str, Any], prompt: str
) -> None:
    server = serve(chat_template=SHOWN, **options)
    reply = server.client.post("/apply-template", json={"messages": HI, **fields})
    assert reply.json["prompt"].endswith(f"[{prompt}]")


@pytest.mark.parametrize("prefills", [True, False])
def test_an_answer_is_continued_unless_the_server_is_told_not_to(
    serve: ServerMaker, prefills: bool
) -> None:
    options = {} if prefills else {"prefill_assistant": "off"}
    server = serve(chat_template=TEMPLATE, **options)
    prompt = server.client.post("/apply-template", json={"messages": BEGUN}).json["prompt"]
    assert prompt.endswith("Well" if prefills else "Well<|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize(
    ("options", "fields", "thoughts"),
    [
        ({}, {}, "one two three four five six seven"),
        ({"reasoning_budget": "8"}, {}, "one two"),
        ({"reasoning_budget": "8", "reasoning_budget_message": " Enough."}, {}, "one two Enough."),
        ({"reasoning_budget": "8"}, {"thinking_budget_tokens": 4}, "one"),
        ({}, {"reasoning_budget_tokens": 4, "reasoning_budget_message": "!"}, "one!"),
        ({"reasoning_budget": "8", "reasoning": "off"}, {}, "one two three four five six seven"),
    ],
)
def test_thoughts_are_cut_off_where_their_budget_ends(
    serve: ServerMaker, options: dict[str, str], fields: dict[str, Any], thoughts: str
) -> None:
    choice = answer(server_of(serve, PONDERS, **options), **fields)
    message = choice["message"]
    assert message["reasoning_content"].strip() == thoughts
    assert message["content"]


def ponders_on(tokens: list[int]) -> int:
    """Thinks until it is told to stop; then it is done."""
    text = bytes(token for token in tokens[-16:] if token < 256)
    if b"</think>" in text:
        return EOS
    begun = b"<think>\n"
    n_begun = next((n for n in range(len(begun), 0, -1) if text.endswith(begun[:n])), 0)
    is_thinking = text.endswith(b".") or n_begun == len(begun)
    return ord(".") if is_thinking else begun[n_begun]


def chunks_of(pieces: Iterable[bytes]) -> Iterator[Any]:
    """The chunks of a stream as they arrive."""
    for piece in pieces:
        for line in piece.split(b"\n"):
            if line.startswith(b"data: {"):
                yield orjson.loads(line[6:])


@pytest.mark.parametrize("is_controlled", [True, False])
def test_thinking_can_be_ended_while_it_lasts(serve: ServerMaker, is_controlled: bool) -> None:
    n_ctx = 100_000 if is_controlled else 4_000
    server = serve(
        ponders_on, ROOMY | {"n_ctx": n_ctx, "n_ctx_slot": n_ctx}, chat_template=TEMPLATE
    )
    body = {"messages": HI, "stream": True, "reasoning_control": is_controlled}
    stream = server.client.post(CHAT, json=body, buffered=False)
    chunks = chunks_of(stream.response)
    first = next(chunks)
    wish = {"id": first["id"], "action": "reasoning_end"}
    reply = server.client.post(f"{CHAT}/control", json=wish)
    assert reply.status_code == 200
    assert reply.json["success"] is is_controlled
    last = [chunk for chunk in chunks if chunk["choices"]][-1]
    assert last["choices"][0]["finish_reason"] == ("stop" if is_controlled else "length")
    assert is_controlled or "not enabled" in reply.json["message"]
