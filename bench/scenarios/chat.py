"""Conversations of several turns, each with all turns before it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from bench.asking import CHAT
from bench.asking import assistant
from bench.asking import chat
from bench.asking import user
from bench.client import Client
from bench.client import Json
from bench.client import together
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
from bench.stats import percentile
from bench.stream import Stream
from bench.stream import tokens_of
from bench.words import words

LATER_FIRST_P50_MS = Metric("later_ttft_p50_ms", "first token p50, later turns", "ms", Better.LOWER)


@dataclass(frozen=True, slots=True)
class Chat:
    """Conversations at once; each turn sends back all that was said before."""

    name: ClassVar[str] = "chat"
    answer: ClassVar[Answer] = Answer.TEXT
    metrics: ClassVar[tuple[Metric, ...]] = (
        WALL_S,
        TOKENS_PER_S,
        FIRST_P50_MS,
        LATER_FIRST_P50_MS,
        CACHED,
    )

    conversations: int = 4
    turns: int = 4
    words: int = 60
    tokens: int = 32

    async def run(self, server: Client, seed: int) -> Outcome:
        """The first turn of a conversation is new to the server, the others mostly are not."""
        start_s = time.perf_counter()
        talks = await together(self._talk(server, seed, i) for i in range(self.conversations))
        wall_s = time.perf_counter() - start_s
        streams = [stream for talk in talks for stream in talk]
        later = [stream for talk in talks for stream in talk[1:]]
        n_tokens = tokens_of(streams)
        values = {
            WALL_S.key: wall_s,
            TOKENS_PER_S.key: n_tokens / wall_s,
            FIRST_P50_MS.key: percentile(first_ms([talk[0] for talk in talks]), 50),
            LATER_FIRST_P50_MS.key: percentile(first_ms(later), 50),
            CACHED.key: cached_percent(streams),
        }
        return Outcome(values, gaps_ms(streams), n_tokens)

    async def _talk(self, server: Client, seed: int, number: int) -> list[Stream]:
        messages: list[Json] = []
        streams = []
        for turn in range(self.turns):
            messages.append(user(words(self.words, seed, self.name, number, turn)))
            stream = await server.stream(CHAT, chat(*messages, tokens=self.tokens))
            messages.append(assistant(stream.text))
            streams.append(stream)
        return streams
