"""Several streams that begin together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bench.asking import CHAT
from bench.asking import chat
from bench.asking import user
from bench.client import Client
from bench.scenario import FIRST_MAX_MS
from bench.scenario import FIRST_P50_MS
from bench.scenario import FIRST_P99_MS
from bench.scenario import GAP_MAX_MS
from bench.scenario import GAP_P50_MS
from bench.scenario import GAP_P95_MS
from bench.scenario import GAP_P99_MS
from bench.scenario import REQUESTS_PER_S
from bench.scenario import TOKENS_PER_S
from bench.scenario import Answer
from bench.scenario import Metric
from bench.scenario import Outcome
from bench.scenario import first_ms
from bench.scenario import gap_values
from bench.scenario import gaps_ms
from bench.scenarios.crowd import crowd
from bench.stats import percentile
from bench.stream import tokens_of
from bench.words import words


@dataclass(frozen=True, slots=True)
class Parallel:
    """Chats of equal length that begin together; the rate is that of all, prompts included."""

    name: ClassVar[str] = "parallel"
    answer: ClassVar[Answer] = Answer.TEXT
    metrics: ClassVar[tuple[Metric, ...]] = (
        TOKENS_PER_S,
        REQUESTS_PER_S,
        FIRST_P50_MS,
        FIRST_P99_MS,
        FIRST_MAX_MS,
        GAP_P50_MS,
        GAP_P95_MS,
        GAP_P99_MS,
        GAP_MAX_MS,
    )

    streams: int = 8
    words: int = 40
    tokens: int = 128

    async def run(self, server: Client, seed: int) -> Outcome:
        """All streams at once."""
        prompts = [words(self.words, seed, self.name, i) for i in range(self.streams)]
        bodies = [chat(user(prompt), tokens=self.tokens) for prompt in prompts]
        streams, wall_s = await crowd(server, CHAT, bodies)
        first, gaps, n_tokens = first_ms(streams), gaps_ms(streams), tokens_of(streams)
        values = {
            TOKENS_PER_S.key: n_tokens / wall_s,
            REQUESTS_PER_S.key: len(streams) / wall_s,
            FIRST_P50_MS.key: percentile(first, 50),
            FIRST_P99_MS.key: percentile(first, 99),
            FIRST_MAX_MS.key: percentile(first, 100),
            **gap_values(gaps),
        }
        return Outcome(values, gaps, n_tokens)
