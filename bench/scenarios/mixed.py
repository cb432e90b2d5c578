"""Long prompts that arrive while streams run: do the streams stay smooth?"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from bench.asking import CHAT
from bench.asking import chat
from bench.asking import user
from bench.client import Client
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
from bench.stats import percentile
from bench.stream import tokens_of
from bench.words import words

LONG_MS = Metric("long_p50_ms", "long prompt p50", "ms", Better.LOWER)
N_LONG = Metric("n_long", "long prompts", "", Better.NEITHER)


@dataclass(frozen=True, slots=True)
class Mixed:
    """Streams, and beside them one new long prompt after another, for one token each."""

    name: ClassVar[str] = "mixed"
    answer: ClassVar[Answer] = Answer.TEXT
    metrics: ClassVar[tuple[Metric, ...]] = (
        GAP_P50_MS,
        GAP_P95_MS,
        GAP_P99_MS,
        GAP_MAX_MS,
        TOKENS_PER_S,
        LONG_MS,
        N_LONG,
    )

    streams: int = 4
    words: int = 20
    tokens: int = 96
    long_words: int = 400
    pause_s: float = 0.5

    async def run(self, server: Client, seed: int) -> Outcome:
        """Long prompts begin with the streams' first token and end with their last."""
        live, over = asyncio.Event(), asyncio.Event()
        long_prompts = asyncio.ensure_future(self._long_prompts(server, seed, live, over))
        prompts = [words(self.words, seed, self.name, i) for i in range(self.streams)]
        bodies = [chat(user(prompt), tokens=self.tokens) for prompt in prompts]
        try:
            streams, wall_s = await crowd(server, CHAT, bodies, started=live)
            over.set()
            long_s = await long_prompts
        finally:
            long_prompts.cancel()
            await asyncio.gather(long_prompts, return_exceptions=True)
        gaps, n_tokens = gaps_ms(streams), tokens_of(streams)
        values = {
            **gap_values(gaps),
            TOKENS_PER_S.key: n_tokens / wall_s,
            LONG_MS.key: percentile(long_s, 50) * MS_PER_S,
            N_LONG.key: float(len(long_s)),
        }
        return Outcome(values, gaps, n_tokens + len(long_s))

    async def _long_prompts(
        self, server: Client, seed: int, live: asyncio.Event, over: asyncio.Event
    ) -> list[float]:
        """The seconds that each took."""
        took_s: list[float] = []
        await live.wait()
        while not over.is_set():
            prompt = words(self.long_words, seed, "long", len(took_s))
            stream = await server.stream(CHAT, chat(user(prompt), tokens=1))
            took_s.append(stream.total_s)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(over.wait(), self.pause_s)
        return took_s
