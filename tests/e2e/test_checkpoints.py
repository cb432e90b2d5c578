"""A server of a model whose memory can't be cut: its chats share what they have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ONE_THREAD
from tests.e2e.conftest import Starter
from tests.e2e.live import LiveServer
from tests.single_precision import EXACT
from tests.tiny_memory_models import build_hybrid_model
from tests.tiny_memory_models import build_recurrent_model
from tests.tiny_memory_models import build_window_model

pytestmark = pytest.mark.model

SYSTEM = {"role": "system", "content": "You are here to help the one who asks. " * 8}


def chat(server: LiveServer, *messages: dict[str, str], **fields: object) -> Any:
    """The answer to a chat, eight greedy tokens."""
    body = {"messages": [SYSTEM, *messages], "max_tokens": 8, "temperature": 0, **fields}
    reply = server.post("/v1/chat/completions", body)
    assert reply.status == 200, reply
    return reply.json


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def n_cached(answer: Any) -> int:
    """How much of the prompt was there already."""
    cached: int = answer["usage"]["prompt_tokens_details"]["cached_tokens"]
    return cached


@pytest.mark.parametrize(
    "build",
    [build_window_model, build_recurrent_model, build_hybrid_model],
    ids=lambda b: b.__name__,
)
def test_chats_begin_at_the_end_of_the_last_turn_that_they_share(
    start: Starter, tmp_path: Path, build: Callable[[Path], Path]
) -> None:
    server = start("-m", build(tmp_path / "m.gguf"), "-c", "2048", "-np", "2", *ONE_THREAD, *EXACT)
    n_system = len(server.post("/tokenize", {"content": SYSTEM["content"]}).json["tokens"])
    first = chat(server, user("What is the sea, and who lives in it?"))
    assert n_cached(first) == 0
    other = chat(server, user("Who built the house on the hill?"))
    assert n_cached(other) > n_system
    whole = chat(server, user("Who built the house on the hill?"), cache_prompt=False)
    assert other["choices"] == whole["choices"]


PLAIN_HEADERS = (
    "{% for message in messages %}### {{ message.role }}:\n{{ message.content }}\n\n{% endfor %}"
    "### assistant:\n"
)


def test_turns_are_found_where_a_template_marks_them_by_plain_text(
    start: Starter, tmp_path: Path
) -> None:
    model = build_hybrid_model(tmp_path / "m.gguf")
    options = ("-c", "2048", "-np", "2", "--chat-template", PLAIN_HEADERS)
    server = start("-m", model, *options, *ONE_THREAD, *EXACT)
    n_system = len(server.post("/tokenize", {"content": SYSTEM["content"]}).json["tokens"])
    told = (user("What is the sea, and who lives in it?"), assistant("Whales do. " * 8))
    first = chat(server, *told, user("Which ones?"))
    other = chat(server, user("Who built the house on the hill?"))
    assert (n_cached(first), n_cached(other) > n_system) == (0, True)
    again = chat(server, *told, user("And who else is there? " * 8))
    assert n_cached(again) > n_system + len("Whales do. " * 8) // 4
    whole = chat(server, *told, user("And who else is there? " * 8), cache_prompt=False)
    assert again["choices"] == whole["choices"]


def test_slots_show_where_they_can_go_back_to(start: Starter, tmp_path: Path) -> None:
    model = build_hybrid_model(tmp_path / "m.gguf")
    server = start("-m", model, "-c", "2048", "-np", "1", *ONE_THREAD)
    answer = chat(server, user("What is the sea, and who lives in it?"))
    (slot,) = server.slots()
    assert 0 < slot["checkpoints"][0] < slot["checkpoints"][-1] < answer["usage"]["prompt_tokens"]


def test_there_are_none_where_none_are_wanted(start: Starter, tmp_path: Path) -> None:
    model = build_hybrid_model(tmp_path / "m.gguf")
    options = ("-c", "2048", "-np", "1", "--ctx-checkpoints", "0")
    server = start("-m", model, *options, *ONE_THREAD)
    chat(server, user("What is the sea?"))
    assert n_cached(chat(server, user("Who built the house?"))) == 0
    assert "checkpoints" not in server.slots()[0]
