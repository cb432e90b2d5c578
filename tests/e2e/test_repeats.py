"""Who asks a server alone gets the same text for the same seed, whatever was asked before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ONE_THREAD
from tests.e2e.conftest import Starter
from tests.e2e.live import LiveServer

pytestmark = pytest.mark.model

PROMPTS = ("Once upon a time", "Hello there", "The end of", "And on the other hand")
N_REPEATS = 5
N_CTX = 512
"""A fourth of what all requests compute: cells are used again."""


def texts(server: LiveServer, **fields: Any) -> dict[str, set[str]]:
    """What each prompt is answered, asked over and over, then in turn with the others."""
    found: dict[str, set[str]] = {prompt: set() for prompt in PROMPTS}
    in_a_row = [prompt for prompt in PROMPTS for _ in range(N_REPEATS)]
    for prompt in (*in_a_row, *PROMPTS * N_REPEATS):
        body = {"prompt": prompt, "n_predict": 60, "seed": 7, "temperature": 1.0, **fields}
        found[prompt].add(server.post("/completion", body).json["content"])
    return found


@pytest.mark.parametrize("fields", [{}, {"cache_prompt": False}], ids=["cached", "uncached"])
@pytest.mark.parametrize("args", [(), ("-np", "1")], ids=["slots", "slot"])
def test_a_seed_repeats_its_text(
    start: Starter, tiny_path: Path, args: tuple[str, ...], fields: dict[str, Any]
) -> None:
    server = start("-m", tiny_path, "-c", str(N_CTX), *ONE_THREAD, *args)
    assert [len(each) for each in texts(server, **fields).values()] == [1] * len(PROMPTS)
    assert server.stop() == 0
