"""LoRA adapters and control vectors: what they change, for whom, and how a server says no.

In single precision without flash attention: a text must not depend on what else runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.api.replies import assert_error_body
from tests.e2e import live
from tests.e2e.conftest import ONE_THREAD
from tests.e2e.conftest import Starter
from tests.e2e.live import LiveServer
from tests.single_precision import EXACT
from tests.tiny_models import CHATML
from tests.tiny_models import Floats
from tests.tiny_models import TinySpec
from tests.tiny_models import build_tiny_control_vector
from tests.tiny_models import build_tiny_lora
from tests.tiny_models import build_tiny_model
from tests.tiny_models import tiny_vocab

pytestmark = pytest.mark.model

OPTIONS = (*EXACT, "-c", "2048", *ONE_THREAD)
INVOCATION = tuple(tiny_vocab().tokens.index(text) for text in ("▁Once", "▁upon"))
BEFORE = [1, *range(300, 330)]
ACTIVATED = [{"id": 2, "scale": 1}]

Json = Any
Lora = list[dict[str, float]] | None


@dataclass(frozen=True, slots=True)
class Files:
    """A model and what steers it."""

    model: Path
    loras: tuple[Path, Path, Path]
    """The last one is activated by INVOCATION."""
    vector: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("adapters")
    described = TinySpec(metadata=(("adapter.lora.task_name", "summing up"),))
    return Files(
        build_tiny_model(folder / "tiny.gguf", TinySpec(n_ctx=2048, chat_template=CHATML)),
        (
            build_tiny_lora(folder / "zero.gguf", described),
            build_tiny_lora(folder / "one.gguf", TinySpec(seed=77)),
            build_tiny_lora(folder / "activated.gguf", TinySpec(seed=99), alora=INVOCATION),
        ),
        build_tiny_control_vector(folder / "vector.gguf", {"direction.1": direction()}),
    )


def direction(n_embd: int = 64) -> Floats:
    return (np.random.default_rng(5).standard_normal(n_embd) * 2).astype(np.float32)


@pytest.fixture(scope="module")
def all_loaded(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Three adapters, of which none acts by itself."""
    loras = ",".join(map(str, files.loras))
    options = ("-np", "4", "--kv-unified", "--lora", loras, "--lora-init-without-apply")
    log_path = tmp_path_factory.mktemp("server") / "log"
    running = live.start(["-m", files.model, *options, *OPTIONS], log_path)
    yield running
    try:
        assert running.stop() == 0
    finally:
        running.kill()


@pytest.fixture
def server(all_loaded: LiveServer) -> Iterator[LiveServer]:
    """As all_loaded; the scales are put back afterwards."""
    yield all_loaded
    all_loaded.post("/lora-adapters", [])


def ask(server: LiveServer, prompt: str | list[int], lora: Lora = None, **fields: object) -> Json:
    """The answer to a greedy completion."""
    body = {"prompt": prompt, "n_predict": 16, "temperature": 0, **fields}
    if lora is not None:
        body["lora"] = lora
    reply = server.post("/completion", body)
    assert reply.status == 200, reply.body
    return reply.json


def text(server: LiveServer, prompt: str | list[int], lora: Lora = None, **fields: object) -> str:
    content: str = ask(server, prompt, lora, **fields)["content"]
    return content


def n_cached(answer: Json) -> int:
    n: int = answer["timings"]["cache_n"]
    return n


# for one request


def test_an_adapter_changes_the_text_by_its_scale(server: LiveServer) -> None:
    scales = (0, 0.5, 1, -1)
    texts = {text(server, "Hello there", [{"id": 0, "scale": scale}]) for scale in scales}
    assert len(texts) == 4


def test_each_adapter_changes_it_otherwise(server: LiveServer) -> None:
    both = [{"id": 0, "scale": 1}, {"id": 1, "scale": 1}]
    assert len({text(server, "Hello there", each) for each in (both[:1], both[1:], both)}) == 3


def test_a_scale_of_zero_is_the_base(server: LiveServer) -> None:
    assert text(server, "Hello", [{"id": 0, "scale": 0}]) == text(server, "Hello")


def test_a_request_says_what_the_option_would_have_said(
    server: LiveServer, start: Starter, files: Files
) -> None:
    zero, one, _ = files.loras
    options = ("--lora", zero, "--lora-scaled", f"{one}:0.5")
    scaled = start("-m", files.model, *options, *OPTIONS)
    same = [{"id": 0, "scale": 1}, {"id": 1, "scale": 0.5}]
    assert [row["scale"] for row in scaled.get("/lora-adapters").json] == [1.0, 0.5]
    assert text(scaled, "Hello there") == text(server, "Hello there", same)
    assert text(scaled, "Hello there", [{"id": 0, "scale": 0}]) == text(server, "Hello there")


def test_a_chat_takes_lora(server: LiveServer) -> None:
    def chat(**fields: object) -> str:
        messages = [{"role": "user", "content": "Hello"}]
        body = {"messages": messages, "max_tokens": 16, "temperature": 0, **fields}
        content: str = server.post("/v1/chat/completions", body).json["choices"][0]["message"][
            "content"
        ]
        return content

    assert chat(lora=[{"id": 0, "scale": 1}]) != chat()
    assert chat(lora=[{"id": 0, "scale": 0}]) == chat()


# side by side


def test_requests_side_by_side_say_what_each_says_alone(server: LiveServer) -> None:
    after = [*BEFORE, *INVOCATION, 301]
    sets: list[Lora] = [None, [{"id": 0, "scale": 1}], [{"id": 1, "scale": 0.5}], ACTIVATED]
    alone = [text(server, after, lora, n_predict=64, cache_prompt=False) for lora in sets]
    with ThreadPoolExecutor(8) as clients:
        together = list(clients.map(lambda lora: text(server, after, lora, n_predict=64), sets * 3))
    assert together == alone * 3
    assert len(set(alone)) == 4


def test_a_prefix_is_shared_within_a_set_only(server: LiveServer) -> None:
    prompt = [1, *range(330, 360)]
    half, whole = [{"id": 0, "scale": 0.5}], [{"id": 0, "scale": 1}]
    assert n_cached(ask(server, prompt)) <= 1
    assert n_cached(ask(server, prompt, half)) <= 1
    assert n_cached(ask(server, prompt, whole)) <= 1
    assert n_cached(ask(server, prompt, half)) == len(prompt) - 1
    assert n_cached(ask(server, prompt)) == len(prompt) - 1


# for the whole server


def test_adapters_are_listed(server: LiveServer, files: Files) -> None:
    zero, _, activated = server.get("/lora-adapters").json
    assert zero == {
        "id": 0,
        "path": str(files.loras[0]),
        "scale": 0.0,
        "task_name": "summing up",
        "prompt_prefix": "",
    }
    assert activated["alora_invocation_string"] == " Once upon"
    assert activated["alora_invocation_tokens"] == list(INVOCATION)


def test_new_scales_hold_for_new_requests_and_forget_old_prefixes(server: LiveServer) -> None:
    prompt = [1, *range(340, 370)]
    base = text(server, prompt)
    assert server.post("/lora-adapters", [{"id": 0, "scale": 1}]).json == {"success": True}
    changed = ask(server, prompt)
    assert n_cached(changed) <= 1
    assert changed["content"] != base
    assert changed["content"] == text(server, prompt, [{"id": 0, "scale": 1}])
    assert text(server, prompt, [{"id": 1, "scale": 0}]) == base
    server.post("/lora-adapters", [])
    assert text(server, prompt) == base


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"id": 0, "scale": 1}, "Request body must be an array"),
        ([{"id": 3, "scale": 1}], "there is no adapter 3: this server has 0 to 2"),
        ([{"id": "zero", "scale": 1}], "element 0"),
        ([{"id": 0, "scale": "much"}], "element 0"),
    ],
)
def test_scales_that_make_no_sense_are_refused(server: LiveServer, body: Json, reason: str) -> None:
    reply = server.post("/lora-adapters", body)
    assert reply.status == 400
    assert reason in assert_error_body(reply.json, 400, "invalid_request_error")


# activated by tokens


def test_an_activated_adapter_leaves_prompts_without_its_invocation_alone(
    server: LiveServer,
) -> None:
    assert text(server, BEFORE, ACTIVATED) == text(server, BEFORE)


def test_an_activated_adapter_changes_what_follows_its_invocation(server: LiveServer) -> None:
    prompt = [*BEFORE, *INVOCATION]
    assert text(server, prompt, ACTIVATED) != text(server, prompt)


def test_what_stands_before_an_invocation_is_shared_with_the_base(server: LiveServer) -> None:
    before = [1, *range(350, 380)]
    prompt = [*before, *INVOCATION, 301]
    fresh = text(server, prompt, ACTIVATED, cache_prompt=False)
    ask(server, before)
    shared = ask(server, prompt, ACTIVATED)
    # all but the token before the invocation, with which the adapter begins
    assert n_cached(shared) == len(before) - 1
    assert shared["content"] == fresh
    again = ask(server, prompt, ACTIVATED)
    assert n_cached(again) == len(prompt) - 1
    assert again["content"] == fresh


# control vectors


def test_a_control_vector_changes_the_text(
    server: LiveServer, start: Starter, files: Files
) -> None:
    steered = start("-m", files.model, "--control-vector", files.vector, *OPTIONS)
    twice = f"{files.vector}:0.25,{files.vector}:0.75"
    added = start("-m", files.model, "--control-vector-scaled", twice, *OPTIONS)
    assert text(steered, "Hello there") != text(server, "Hello there")
    assert text(steered, "Hello there") == text(added, "Hello there")


def test_a_control_vector_leaves_other_layers_alone(
    server: LiveServer, start: Starter, files: Files
) -> None:
    layers = ("--control-vector-layer-range", "2", "2")
    elsewhere = start("-m", files.model, "--control-vector", files.vector, *layers, *OPTIONS)
    assert text(elsewhere, "Hello there") == text(server, "Hello there")


# what can't be loaded


# the other ways not to fit: tests/engine/llama/test_adapters.py
@pytest.mark.parametrize("option", ["--lora", "--control-vector"])
def test_a_file_that_does_not_fit_is_one_line(
    start: Starter, files: Files, tmp_path: Path, option: str
) -> None:
    path = tmp_path / "steering.gguf"
    if option == "--lora":
        build_tiny_lora(path, TinySpec(n_embd=32))
    else:
        build_tiny_control_vector(path, {"direction.1": direction(32)})
    server = start("-m", files.model, option, path, ready=False)
    assert server.wait_exit() == 1
    (line,) = server.log.splitlines()
    assert f"{option}: {path}" in line


def test_an_adapter_for_another_architecture_names_both(
    start: Starter, files: Files, tmp_path: Path
) -> None:
    path = build_tiny_lora(tmp_path / "lora.gguf", TinySpec(arch="qwen2"))
    server = start("-m", files.model, "--lora", path, ready=False)
    assert server.wait_exit() == 1
    assert f"--lora: {path} is a LoRA adapter for qwen2, and the model is llama" in server.log
