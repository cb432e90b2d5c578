"""Many more streams than slots."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import ClassVar

from bench.asking import CHAT
from bench.asking import chat
from bench.asking import user
from bench.client import Client
from bench.client import Json
from bench.client import together
from bench.errors import ScenarioFailed
from bench.scenario import FAILED
from bench.scenario import FIRST_P50_MS
from bench.scenario import FIRST_P99_MS
from bench.scenario import MS_PER_S
from bench.scenario import REQUESTS_PER_S
from bench.scenario import TOKENS_PER_S
from bench.scenario import WALL_S
from bench.scenario import Answer
from bench.scenario import Better
from bench.scenario import Metric
from bench.scenario import Outcome
from bench.scenario import first_ms
from bench.stats import percentile
from bench.stream import RawStream
from bench.stream import Stream
from bench.stream import digest
from bench.stream import tokens_of
from bench.words import words

HEALTH_P50_MS = Metric("health_p50_ms", "/health meanwhile p50", "ms", Better.LOWER)
HEALTH_P99_MS = Metric("health_p99_ms", "/health meanwhile p99", "ms", Better.LOWER)
HEALTH, MODELS = "/health", "/v1/models"


@dataclass(frozen=True, slots=True)
class Connections:
    """Short streams, all open at once; /health is asked all the while (or the list of models)."""

    name: ClassVar[str] = "connections"
    answer: ClassVar[Answer] = Answer.TEXT
    metrics: ClassVar[tuple[Metric, ...]] = (
        WALL_S,
        REQUESTS_PER_S,
        TOKENS_PER_S,
        FIRST_P50_MS,
        FIRST_P99_MS,
        HEALTH_P50_MS,
        HEALTH_P99_MS,
        FAILED,
    )

    streams: int = 500
    words: int = 4
    tokens: int = 8
    health_every_s: float = 0.05

    async def run(self, server: Client, seed: int) -> Outcome:
        """A stream that fails is counted, and the first failure noted; all failing is a failure."""
        over = asyncio.Event()
        health = asyncio.ensure_future(self._health(server, over))
        prompts = [words(self.words, seed, self.name, i) for i in range(self.streams)]
        bodies = [chat(user(prompt), tokens=self.tokens) for prompt in prompts]
        start_s = time.perf_counter()
        try:
            raw = await together(_try(server, body) for body in bodies)
            wall_s = time.perf_counter() - start_s
            over.set()
            health_s = await health
        finally:
            health.cancel()
            await asyncio.gather(health, return_exceptions=True)
        streams, failures = _read(raw)
        if not streams:
            raise failures[0]
        first = first_ms(streams)
        values = {
            WALL_S.key: wall_s,
            REQUESTS_PER_S.key: len(streams) / wall_s,
            TOKENS_PER_S.key: tokens_of(streams) / wall_s,
            FIRST_P50_MS.key: percentile(first, 50),
            FIRST_P99_MS.key: percentile(first, 99),
            HEALTH_P50_MS.key: percentile(health_s, 50) * MS_PER_S,
            HEALTH_P99_MS.key: percentile(health_s, 99) * MS_PER_S,
            FAILED.key: float(len(failures)),
        }
        note = str(failures[0]) if failures else ""
        return Outcome(values, n_tokens=tokens_of(streams), note=note)

    async def _health(self, server: Client, over: asyncio.Event) -> list[float]:
        """The seconds that each answer took."""
        took_s = []
        path = HEALTH if await server.knows(HEALTH) else MODELS
        while not over.is_set():
            start_s = time.perf_counter()
            await server.get(path)
            took_s.append(time.perf_counter() - start_s)
            await asyncio.sleep(self.health_every_s)
        return took_s


def _read(raw: list[RawStream | ScenarioFailed]) -> tuple[list[Stream], list[ScenarioFailed]]:
    streams, failures = [], []
    for each in raw:
        if isinstance(each, ScenarioFailed):
            failures.append(each)
            continue
        try:
            streams.append(digest(each))
        except ScenarioFailed as failure:
            failures.append(failure)
    return streams, failures


async def _try(server: Client, body: Json) -> RawStream | ScenarioFailed:
    try:
        return await server.raw_stream(CHAT, body)
    except ScenarioFailed as failure:
        return failure
