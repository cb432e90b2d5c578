"""Waves of clients that come and vanish while others stay: do those who stay notice?"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import ClassVar

from bench.asking import CHAT
from bench.asking import chat
from bench.asking import user
from bench.client import Client
from bench.client import together
from bench.errors import ScenarioFailed
from bench.scenario import GAP_MAX_MS
from bench.scenario import GAP_P50_MS
from bench.scenario import GAP_P95_MS
from bench.scenario import GAP_P99_MS
from bench.scenario import MS_PER_S
from bench.scenario import TOKENS_PER_S
from bench.scenario import Answer
from bench.scenario import Better
from bench.scenario import Metric
from bench.scenario import Outcome
from bench.scenario import gap_values
from bench.scenario import gaps_ms
from bench.scenarios.crowd import crowd
from bench.stream import tokens_of
from bench.words import words

VANISHED = Metric("vanished_s", "clients that vanished", "1/s", Better.NEITHER)
NEXT_FIRST_MS = Metric("next_ttft_ms", "first token of the next client", "ms", Better.LOWER)


@dataclass(frozen=True, slots=True)
class Storm:
    """Streams, and beside them waves of clients that all go away: half at once, half later."""

    name: ClassVar[str] = "storm"
    answer: ClassVar[Answer] = Answer.TEXT
    metrics: ClassVar[tuple[Metric, ...]] = (
        TOKENS_PER_S,
        GAP_P50_MS,
        GAP_P95_MS,
        GAP_P99_MS,
        GAP_MAX_MS,
        VANISHED,
        NEXT_FIRST_MS,
    )

    streams: int = 4
    words: int = 20
    tokens: int = 96
    clients: int = 32
    impatience_s: float = 0.05
    drop_after: int = 2

    async def run(self, server: Client, seed: int) -> Outcome:
        """Waves follow each other from the streams' first token to their last."""
        live, over = asyncio.Event(), asyncio.Event()
        waves = asyncio.ensure_future(self._waves(server, seed, live, over))
        prompts = [words(self.words, seed, self.name, i) for i in range(self.streams)]
        bodies = [chat(user(prompt), tokens=self.tokens) for prompt in prompts]
        try:
            streams, wall_s = await crowd(server, CHAT, bodies, started=live)
            over.set()
            vanished_s = await waves
        finally:
            waves.cancel()
            await asyncio.gather(waves, return_exceptions=True)
        after = await server.stream(CHAT, chat(user(words(self.words, seed, "next")), tokens=1))
        gaps, n_tokens = gaps_ms(streams), tokens_of(streams)
        values = {
            TOKENS_PER_S.key: n_tokens / wall_s,
            **gap_values(gaps),
            VANISHED.key: vanished_s,
            NEXT_FIRST_MS.key: after.total_s * MS_PER_S,
        }
        return Outcome(values, gaps, n_tokens)

    async def _waves(
        self, server: Client, seed: int, live: asyncio.Event, over: asyncio.Event
    ) -> float:
        """How many clients vanished in a second."""
        await live.wait()
        n_waves, start_s = 0, time.perf_counter()
        while not over.is_set():
            numbers = range(n_waves * self.clients, (n_waves + 1) * self.clients)
            await together(self._vanish(server, seed, number) for number in numbers)
            n_waves += 1
        return n_waves * self.clients / (time.perf_counter() - start_s)

    async def _vanish(self, server: Client, seed: int, number: int) -> None:
        """A client that waits for nothing, or one that leaves after a few tokens."""
        body = chat(user(words(self.words, seed, "vanishes", number)), tokens=2000)
        asked = server.raw_stream(CHAT, body, stop_after=self.drop_after)
        if number % 2:
            asked_for = asyncio.wait_for(asked, self.impatience_s)
        else:
            asked_for = asyncio.wait_for(asked, 20 * self.impatience_s)
        try:
            await asked_for
        except (asyncio.TimeoutError, ScenarioFailed):
            return  # it is gone, or was refused: both are a storm's
