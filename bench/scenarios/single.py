"""One stream with the server to itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bench.asking import CHAT
from bench.asking import chat
from bench.asking import user
from bench.client import Client
from bench.scenario import FIRST_P50_MS
from bench.scenario import GAP_MAX_MS
from bench.scenario import GAP_P50_MS
from bench.scenario import GAP_P95_MS
from bench.scenario import GAP_P99_MS
from bench.scenario import TOKENS_PER_S
from bench.scenario import Answer
from bench.scenario import Metric
from bench.scenario import Outcome
from bench.scenario import first_ms
from bench.scenario import gap_values
from bench.scenario import gaps_ms
from bench.stats import percentile
from bench.words import words


@dataclass(frozen=True, slots=True)
class Single:
    """One chat, streamed, after a short one that warms the server."""

    name: ClassVar[str] = "single"
    answer: ClassVar[Answer] = Answer.TEXT
    metrics: ClassVar[tuple[Metric, ...]] = (
        TOKENS_PER_S,
        FIRST_P50_MS,
        GAP_P50_MS,
        GAP_P95_MS,
        GAP_P99_MS,
        GAP_MAX_MS,
    )

    words: int = 20
    tokens: int = 192
    warm_tokens: int = 16

    async def run(self, server: Client, seed: int) -> Outcome:
        """The rate is that after the first token."""
        warm = words(self.words, seed, "warm")
        await server.stream(CHAT, chat(user(warm), tokens=self.warm_tokens))
        prompt = words(self.words, seed, self.name)
        stream = await server.stream(CHAT, chat(user(prompt), tokens=self.tokens))
        gaps = gaps_ms([stream])
        values = {
            TOKENS_PER_S.key: stream.tokens_per_s,
            FIRST_P50_MS.key: percentile(first_ms([stream]), 50),
            **gap_values(gaps),
        }
        return Outcome(values, gaps, stream.n_tokens)
