"""Embeddings: many texts in one request, and one text in each of many."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from bench.asking import EMBEDDINGS
from bench.client import Client
from bench.client import together
from bench.errors import ScenarioFailed
from bench.scenario import Answer
from bench.scenario import Better
from bench.scenario import Metric
from bench.scenario import Outcome
from bench.words import words

TOGETHER = Metric("one_request_texts_s", "texts, in one request", "1/s", Better.HIGHER)
APART = Metric("requests_texts_s", "texts, in a request each", "1/s", Better.HIGHER)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Texts in one request, then as many others in concurrent requests; an embedding model."""

    name: ClassVar[str] = "embeddings"
    answer: ClassVar[Answer] = Answer.VECTORS
    metrics: ClassVar[tuple[Metric, ...]] = (TOGETHER, APART)

    texts: int = 256
    words: int = 30

    async def run(self, server: Client, seed: int) -> Outcome:
        """No text is asked for twice."""
        together_s = await self._together(server, [self._text(seed, i) for i in range(self.texts)])
        apart = [self._text(seed, self.texts + i) for i in range(self.texts)]
        start_s = time.perf_counter()
        await together(server.post(EMBEDDINGS, {"input": text}) for text in apart)
        apart_s = time.perf_counter() - start_s
        return Outcome({TOGETHER.key: self.texts / together_s, APART.key: self.texts / apart_s})

    async def _together(self, server: Client, texts: list[str]) -> float:
        start_s = time.perf_counter()
        answer = await server.post(EMBEDDINGS, {"input": texts})
        took_s = time.perf_counter() - start_s
        if len(answer["data"]) != len(texts):
            raise ScenarioFailed(f"{len(answer['data'])} vectors came for {len(texts)} texts")
        return took_s

    def _text(self, seed: int, number: int) -> str:
        return words(self.words, seed, self.name, number)
