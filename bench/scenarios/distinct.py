"""Prompts that have no prefix in common: what prefix sharing costs where it cannot help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bench.asking import COMPLETIONS
from bench.asking import completion
from bench.client import Client
from bench.scenario import CACHED
from bench.scenario import FIRST_P50_MS
from bench.scenario import TOKENS_PER_S
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

PROMPT_TOKENS_PER_S = Metric("prompt_tok_s", "prompt tokens", "tok/s", Better.HIGHER)


@dataclass(frozen=True, slots=True)
class Distinct:
    """Prompts without a common beginning, several at a time, one after another."""

    name: ClassVar[str] = "distinct"
    answer: ClassVar[Answer] = Answer.TEXT
    metrics: ClassVar[tuple[Metric, ...]] = (
        WALL_S,
        PROMPT_TOKENS_PER_S,
        TOKENS_PER_S,
        FIRST_P50_MS,
        CACHED,
    )

    requests: int = 48
    at_once: int = 8
    words: int = 120
    tokens: int = 16

    async def run(self, server: Client, seed: int) -> Outcome:
        """No chat template, as templates begin alike; the first word is the request's own."""
        prompts = [
            f"{seed * self.requests + i} {words(self.words, seed, self.name, i)}"
            for i in range(self.requests)
        ]
        bodies = [completion(prompt, self.tokens) for prompt in prompts]
        streams, wall_s = await crowd(server, COMPLETIONS, bodies, at_once=self.at_once)
        n_tokens = tokens_of(streams)
        values = {
            WALL_S.key: wall_s,
            PROMPT_TOKENS_PER_S.key: sum(stream.n_prompt for stream in streams) / wall_s,
            TOKENS_PER_S.key: n_tokens / wall_s,
            FIRST_P50_MS.key: percentile(first_ms(streams), 50),
            CACHED.key: cached_percent(streams),
        }
        return Outcome(values, gaps_ms(streams), n_tokens)
