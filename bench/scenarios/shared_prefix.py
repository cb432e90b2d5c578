"""Requests with one long system prompt: what prefix sharing is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bench.asking import CHAT
from bench.asking import chat
from bench.asking import system
from bench.asking import user
from bench.client import Client
from bench.scenario import CACHED
from bench.scenario import FIRST_MAX_MS
from bench.scenario import WALL_S
from bench.scenario import Answer
from bench.scenario import Better
from bench.scenario import Metric
from bench.scenario import Outcome
from bench.scenario import cached_percent
from bench.scenario import first_ms
from bench.scenario import gaps_ms
from bench.scenarios.crowd import crowd
from bench.stats import percentile
from bench.stream import tokens_of
from bench.words import words

WARM_WALL_S = Metric("warm_wall_s", "wall time, seen before", "s", Better.LOWER)
WARM_FIRST_MAX_MS = Metric("warm_ttft_max_ms", "first token max, seen before", "ms", Better.LOWER)


@dataclass(frozen=True, slots=True)
class SharedPrefix:
    """Chats at once under one new system prompt, then as many more under the same."""

    name: ClassVar[str] = "shared_prefix"
    answer: ClassVar[Answer] = Answer.TEXT
    metrics: ClassVar[tuple[Metric, ...]] = (
        WALL_S,
        FIRST_MAX_MS,
        CACHED,
        WARM_WALL_S,
        WARM_FIRST_MAX_MS,
    )

    requests: int = 8
    words: int = 400
    question_words: int = 8
    tokens: int = 32

    async def run(self, server: Client, seed: int) -> Outcome:
        """The system prompt is new to the server in the first half only."""
        prefix = system(words(self.words, seed, self.name))

        def bodies(half: str) -> list[object]:
            questions = [words(self.question_words, seed, half, i) for i in range(self.requests)]
            return [chat(prefix, user(question), tokens=self.tokens) for question in questions]

        cold, cold_s = await crowd(server, CHAT, bodies("cold"))
        warm, warm_s = await crowd(server, CHAT, bodies("warm"))
        values = {
            WALL_S.key: cold_s,
            FIRST_MAX_MS.key: percentile(first_ms(cold), 100),
            CACHED.key: cached_percent(cold),
            WARM_WALL_S.key: warm_s,
            WARM_FIRST_MAX_MS.key: percentile(first_ms(warm), 100),
        }
        both = [*cold, *warm]
        return Outcome(values, gaps_ms(both), tokens_of(both))
