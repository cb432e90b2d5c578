"""Slots that are saved, restored and erased, with a real model; files that cross to llama-server.

`data/llama-server-slot.bin` was written by llama-server at the pinned commit, with the tiny model,
`-c 1024 -np 2` and the prompt below. The other direction needs llama-server itself.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.compat import reference
from tests.e2e import live
from tests.e2e import models
from tests.e2e import wire
from tests.e2e.conftest import ONE_THREAD
from tests.e2e.conftest import Starter
from tests.e2e.live import LiveServer
from tests.tiny_memory_models import build_hybrid_model
from tests.tiny_memory_models import build_recurrent_model
from tests.tiny_memory_models import build_window_model
from tests.tiny_models import TinySpec
from tests.tiny_models import build_tiny_lora
from tests.tiny_models import build_tiny_model

pytestmark = pytest.mark.model

PROMPT = "Once upon a time there was a slot that kept its tokens"
RECORDED = Path(__file__).parent / "data" / "llama-server-slot.bin"
RECORDED_TEXT = "g@#^b OnFel"
N_PROMPT = 34
Make = Callable[..., LiveServer]


@pytest.fixture
def saves(tmp_path: Path) -> Path:
    """What --slot-save-path names."""
    path = tmp_path / "saves"
    path.mkdir()
    return path


@pytest.fixture
def make(start: Starter, tiny_path: Path, saves: Path) -> Make:
    """Starts a server of the tiny model whose slots may be saved."""

    def start_server(*args: str | Path, **fields: Any) -> LiveServer:
        common = ("-c", "1024", *ONE_THREAD, "--slot-save-path", saves)
        return start("-m", tiny_path, *common, *args, **fields)

    return start_server


def complete(server: LiveServer, id_slot: int = -1, **fields: Any) -> Any:
    """Eight greedy tokens."""
    body = {"prompt": PROMPT, "n_predict": 8, "temperature": 0, "id_slot": id_slot, **fields}
    reply = server.post("/completion", body)
    assert reply.status == 200, reply
    return reply.json


def act(server: LiveServer, id_slot: int, action: str, name: str = "a.bin") -> wire.Reply:
    """Do something to a slot."""
    return server.post(f"/slots/{id_slot}?action={action}", {"filename": name})


def test_a_saved_slot_serves_its_prefix_after_a_restart(make: Make, saves: Path) -> None:
    server = make()
    first = complete(server, 0)
    saved = act(server, 0, "save")
    n_held = first["tokens_cached"]
    assert saved.json == {
        "id_slot": 0,
        "filename": "a.bin",
        "n_saved": n_held,
        "n_written": (saves / "a.bin").stat().st_size,
        "timings": saved.json["timings"],
    }
    assert saved.json["timings"]["save_ms"] > 0
    server.stop()
    server = make()
    restored = act(server, 1, "restore").json
    assert (restored["n_restored"], restored["n_read"]) == (n_held, saved.json["n_written"])
    again = complete(server, 1)
    assert (again["content"], again["timings"]["cache_n"]) == (first["content"], N_PROMPT - 1)


def test_an_erased_slot_computes_its_prompt_again(make: Make) -> None:
    server = make()
    first = complete(server)
    erased = server.post(f"/slots/{first['id_slot']}?action=erase", b"")
    assert erased.json == {"id_slot": first["id_slot"], "n_erased": first["tokens_cached"]}
    again = complete(server)
    assert (again["content"], again["timings"]["cache_n"]) == (first["content"], 0)


@pytest.mark.parametrize("args", [("-np", "2"), ("-np", "2", "--no-kv-unified"), ("-np", "1"), ()])
def test_a_file_of_llama_server_is_restored(make: Make, saves: Path, args: tuple[str, ...]) -> None:
    shutil.copy(RECORDED, saves / "a.bin")
    server = make(*args)
    restored = act(server, 0, "restore").json
    assert (restored["n_restored"], restored["n_read"]) == (41, RECORDED.stat().st_size)
    again = complete(server, 0)
    assert (again["content"], again["timings"]["cache_n"]) == (RECORDED_TEXT, N_PROMPT - 1)


def test_a_file_of_llama_server_is_taken_for_one_of_the_default_adapters(
    make: Make, saves: Path, tmp_path: Path
) -> None:
    shutil.copy(RECORDED, saves / "a.bin")
    server = make("--lora", build_tiny_lora(tmp_path / "lora.gguf"))
    act(server, 0, "restore")
    assert complete(server, 0)["timings"]["cache_n"] == N_PROMPT - 1
    act(server, 0, "restore")
    bare = complete(server, 0, lora=[{"id": 0, "scale": 0.0}])
    assert bare["timings"]["cache_n"] == 0


@pytest.mark.upstream
@pytest.mark.parametrize("args", [("-np", "2"), ("-np", "2", "--no-kv-unified"), ("-np", "1"), ()])
def test_llama_server_restores_our_file(make: Make, args: tuple[str, ...]) -> None:
    upstream = os.environ.get(reference.VARIABLE)
    if not upstream:
        pytest.skip(f"{reference.VARIABLE} names no llama-server")
    ours = make(*args)
    first = complete(ours, 0)
    act(ours, 0, "save")
    theirs = make(*args, command=(upstream,))
    assert act(theirs, 0, "restore").json["n_restored"] == first["tokens_cached"]
    again = complete(theirs, 0)
    assert (again["content"], again["timings"]["cache_n"]) == (first["content"], N_PROMPT - 1)


BUILDS = {
    "attention": models.tiny,
    "window": build_window_model,
    "recurrent": build_recurrent_model,
    "hybrid": build_hybrid_model,
}


@pytest.mark.upstream
@pytest.mark.parametrize("is_ours", [True, False], ids=["ours to theirs", "theirs to ours"])
@pytest.mark.parametrize("kind", BUILDS)
def test_each_server_goes_on_where_the_other_one_saved(
    start: Starter, saves: Path, tmp_path: Path, kind: str, is_ours: bool
) -> None:
    upstream = os.environ.get(reference.VARIABLE)
    if not upstream:
        pytest.skip(f"{reference.VARIABLE} names no llama-server")
    model = BUILDS[kind](tmp_path / "model.gguf")
    common = ("-m", model, "-c", "1024", "-np", "2", *ONE_THREAD, "--slot-save-path", saves)
    servers = [start(*common), start(*common, command=(upstream,))]
    giver, taker = servers if is_ours else servers[::-1]
    prompt = giver.post("/tokenize", {"content": PROMPT * 5, "add_special": True}).json["tokens"]
    asked = {"prompt": prompt, "return_tokens": True}
    prompt = prompt + complete(giver, 0, **asked)["tokens"]  # the last token is not computed yet
    n_saved = act(giver, 0, "save").json["n_saved"]
    assert n_saved == len(prompt) - 1
    assert act(taker, 1, "restore").json["n_restored"] == n_saved
    expected = complete(giver, 1, prompt=prompt, cache_prompt=False)["content"]
    answer = complete(taker, 1, prompt=prompt)
    # llama-server computes a restored window's prompt again, also where it saved it itself
    n_cached = 0 if kind == "window" and is_ours else n_saved
    assert (answer["content"], answer["timings"]["cache_n"]) == (expected, n_cached)


def test_an_action_waits_until_the_request_in_the_slot_ends(make: Make) -> None:
    server = make("-np", "1")
    body = {"prompt": PROMPT, "n_predict": -1, "stream": True, "id_slot": 0}
    replies: list[wire.Reply] = []
    waiting = threading.Thread(target=lambda: replies.append(act(server, 0, "save")))
    with wire.stream(server.url, "/completion", body) as stream:
        next(stream.lines())
        waiting.start()
        # a request that comes later is answered while the action waits
        assert server.get("/health").status == 200
        assert not replies
    waiting.join(live.STOP_TIMEOUT_S)
    assert replies[0].json["n_saved"] >= N_PROMPT


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:2000], bytes.upper])
def test_a_damaged_file_is_refused_and_the_slot_keeps_what_it_had(
    make: Make, saves: Path, damage: Callable[[bytes], bytes]
) -> None:
    (saves / "a.bin").write_bytes(damage(RECORDED.read_bytes()))
    server = make()
    first = complete(server, 0)
    refused = act(server, 0, "restore")
    assert refused.status == 400
    assert "filename: a.bin" in refused.json["error"]["message"]
    again = complete(server, 0)
    assert (again["content"], again["timings"]["cache_n"]) == (first["content"], N_PROMPT - 1)
    assert "Traceback" not in server.log


def test_a_file_of_another_model_is_refused_and_the_slot_keeps_what_it_had(
    make: Make, start: Starter, saves: Path, tmp_path: Path
) -> None:
    other = build_tiny_model(tmp_path / "other.gguf", TinySpec(seed=7))
    options = ("-c", "1024", *ONE_THREAD, "--slot-save-path", saves)
    writer = start("-m", other, *options)
    complete(writer, 0)
    assert act(writer, 0, "save").status == 200
    writer.stop()
    server = make()
    first = complete(server, 0)
    refused = act(server, 0, "restore")
    assert refused.status == 400
    assert "another model" in refused.json["error"]["message"]
    again = complete(server, 0)
    assert (again["content"], again["timings"]["cache_n"]) == (first["content"], N_PROMPT - 1)


def test_a_file_for_other_options_is_refused_with_what_to_do(make: Make, saves: Path) -> None:
    shutil.copy(RECORDED, saves / "a.bin")
    server = make("--cache-type-k", "f32")
    refused = act(server, 0, "restore")
    assert refused.status == 400
    assert "--cache-type-k" in refused.json["error"]["message"]
    assert complete(server, 0)["timings"]["cache_n"] == 0
