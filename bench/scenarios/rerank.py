"""Reranking: many documents for one query, and many queries with a few."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from bench.asking import RERANK
from bench.asking import ranking
from bench.client import Client
from bench.client import together
from bench.errors import ScenarioFailed
from bench.scenario import REQUESTS_PER_S
from bench.scenario import Answer
from bench.scenario import Better
from bench.scenario import Metric
from bench.scenario import Outcome
from bench.words import words

TOGETHER = Metric("one_request_docs_s", "documents, in one request", "1/s", Better.HIGHER)
APART = Metric("requests_docs_s", "documents, in many requests", "1/s", Better.HIGHER)


@dataclass(frozen=True, slots=True)
class Rerank:
    """Documents ranked in one request, then in concurrent ones; a model that ranks."""

    name: ClassVar[str] = "rerank"
    answer: ClassVar[Answer] = Answer.SCORES
    metrics: ClassVar[tuple[Metric, ...]] = (TOGETHER, APART, REQUESTS_PER_S)

    documents: int = 128
    requests: int = 32
    words: int = 30

    async def run(self, server: Client, seed: int) -> Outcome:
        """No document is ranked twice."""
        start_s = time.perf_counter()
        await self._rank(server, seed, 0, self.documents)
        together_s = time.perf_counter() - start_s
        each = max(1, self.documents // self.requests)
        start_s = time.perf_counter()
        await together(self._rank(server, seed, i + 1, each) for i in range(self.requests))
        apart_s = time.perf_counter() - start_s
        values = {
            TOGETHER.key: self.documents / together_s,
            APART.key: each * self.requests / apart_s,
            REQUESTS_PER_S.key: self.requests / apart_s,
        }
        return Outcome(values)

    async def _rank(self, server: Client, seed: int, number: int, n: int) -> None:
        texts = [words(self.words, seed, self.name, number, i) for i in range(n)]
        query = words(6, seed, "query", number)
        answer = await server.post(RERANK, ranking(query, texts))
        if len(answer["results"]) != n:
            raise ScenarioFailed(f"{len(answer['results'])} scores came for {n} documents")
