"""Templates of real models, from llama.cpp's source tree: the reference's caps and prompts."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from server.chat.errors import ChatError
from server.chat.template import ChatTemplate
from tests.abi.headers import source_tree
from tests.chat.recorded import load
from tests.chat.recorded import prompt_of
from tests.chat.recorded import same

pytestmark = pytest.mark.upstream

VECTORS = load("upstream_templates.json")
FAMILIES: dict[str, dict[str, Any]] = VECTORS["templates"]
REQUESTS: dict[str, dict[str, Any]] = VECTORS["requests"]


@pytest.fixture(scope="module")
def templates() -> Path:
    tree = source_tree()
    if tree is None:
        pytest.skip("llama.cpp's source is not in the cache; run ./build_native.sh")
    return tree / "models" / "templates"


@cache
def template_of(templates: Path, family: str) -> ChatTemplate:
    source = (templates / f"{family}.jinja").read_text(encoding="utf-8")
    # as the vocab of the model that the vectors were recorded with
    return ChatTemplate(source, bos_token="<s>", eos_token="</s>", add_bos=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_capabilities_of_a_family_are_the_reference_s(templates: Path, family: str) -> None:
    caps = asdict(template_of(templates, family).caps)
    assert sorted(name for name, has in caps.items() if has) == FAMILIES[family]["caps"]


@pytest.mark.parametrize("what", REQUESTS)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_prompt_of_a_family_is_the_reference_s(templates: Path, family: str, what: str) -> None:
    template, expected = template_of(templates, family), FAMILIES[family]["prompts"][what]
    if expected is None:
        with pytest.raises(ChatError):
            prompt_of(template, REQUESTS[what])
        return
    prompt = prompt_of(template, REQUESTS[what])
    assert same(prompt, expected), prompt


def test_every_template_of_the_source_tree_compiles(templates: Path) -> None:
    sources = sorted(templates.glob("*.jinja"))
    assert len(sources) > 50
    for path in sources:
        assert template_of(templates, path.stem).caps


PROMPTS = load("upstream_prompts.json")
CONTINUED = {
    *("no gen assistant", "prefill tools", "prefill off", "prefill typed"),
    *("prefill explicit content", "continue true", "prefill off think", "prefill history"),
    "prefill after tool",
}
DIFFERENT = {
    # what is different, and why, is in docs/decisions/0007-chat-formats.md
    "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": CONTINUED,
    "StepFun3.5-Flash": CONTINUED,
    "deepseek-ai-DeepSeek-V3.2": {"prefill after tool"},
    "openbmb-MiniCPM5-1B": {"call text", "array args"},
    "GLM-4.6": {"tool typed"},
    "GLM-4.7-Flash": {"tool typed"},
    "moonshotai-Kimi-K2": {"tool typed"},
    "ByteDance-Seed-OSS": {"tools union"},
    "GigaChat3-10B-A1.8B": {"tools union"},
    "GigaChat3.1-10B-A1.8B": {"tools union"},
    "Cohere2MoE": {"no id"},
    "CohereForAI-c4ai-command-r7b-12-2024-tool_use": {"no id"},
}


@pytest.mark.parametrize("family", PROMPTS["prompts"])
def test_the_prompts_of_a_family_are_the_reference_s(templates: Path, family: str) -> None:
    template, found = template_of(templates, family), set()
    hashes = PROMPTS["prompts"][family].split()
    for (name, body), expected in zip(PROMPTS["requests"].items(), hashes, strict=True):
        if beginning_of_hash(template, body) != expected:
            found.add(name)
    assert found == DIFFERENT.get(family, set())


def beginning_of_hash(template: ChatTemplate, body: dict[str, Any]) -> str:
    try:
        prompt = prompt_of(template, body)
    except ChatError:
        return "-"
    return hashlib.sha256(prompt.encode()).hexdigest()[:10]
