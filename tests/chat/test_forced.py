"""A forced call under some templates on a real model; `tests/chat/forced.py` does them all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.app import create_app
from server.engine.client import EngineClient
from server.launch import start_engine
from tests.chat.forced import faults_of
from tests.chat.forced import loaded
from tests.chat.forced import settings_of
from tests.chat.streams import templates_folder

pytestmark = [pytest.mark.model, pytest.mark.upstream]

FAMILIES = (
    "Qwen3-Coder",  # texts in tags
    "google-gemma-4-31B-it",  # braces
    "openai-gpt-oss-120b",  # channels
    "poolside-Laguna-XS-2.1",  # thoughts that the prompt begins
)


@pytest.fixture(scope="module")
def engine(smollm2_q4_0_path: Path) -> Iterator[EngineClient]:
    client = loaded(start_engine(settings_of(str(smollm2_q4_0_path))))
    yield client
    client.stop(0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_call_is_forced_and_streamed_alike(family: str, engine: EngineClient) -> None:
    template = (templates_folder() / f"{family}.jinja").read_text(encoding="utf-8")
    app = create_app(settings_of("model.gguf", chat_template=template), engine)
    assert faults_of(app.test_client(), range(1)) == []
