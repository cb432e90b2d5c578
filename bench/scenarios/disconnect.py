"""Clients that vanish: how soon are their slots free?"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import ClassVar

from bench.asking import CHAT
from bench.asking import chat
from bench.asking import user
from bench.client import Client
from bench.client import together
from bench.errors import ScenarioFailed
from bench.scenario import MS_PER_S
from bench.scenario import Answer
from bench.scenario import Better
from bench.scenario import Metric
from bench.scenario import Outcome
from bench.words import words

IDLE_AFTER_MS = Metric("idle_after_ms", "idle after", "ms", Better.LOWER)
NEXT_FIRST_MS = Metric("next_ttft_ms", "first token of the next client", "ms", Better.LOWER)
POLL_S = 0.005
SLOTS = "/slots"


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Long streams, each dropped after a few tokens; until all slots are idle, and the next one."""

    name: ClassVar[str] = "disconnect"
    answer: ClassVar[Answer] = Answer.TEXT
    metrics: ClassVar[tuple[Metric, ...]] = (IDLE_AFTER_MS, NEXT_FIRST_MS)

    streams: int = 16
    words: int = 10
    tokens: int = 2000
    drop_after: int = 3
    patience_s: float = 60.0

    async def run(self, server: Client, seed: int) -> Outcome:
        """Counts from the last client's going. Servers without /slots are asked for a token."""
        tells = await server.knows(SLOTS)
        prompts = [words(self.words, seed, self.name, i) for i in range(self.streams)]
        bodies = [chat(user(prompt), tokens=self.tokens) for prompt in prompts]
        await together(server.raw_stream(CHAT, body, stop_after=self.drop_after) for body in bodies)
        idle_after_s = await self._idle_after_s(server) if tells else math.nan
        after = await server.stream(CHAT, chat(user(words(self.words, seed, "next")), tokens=1))
        values = {
            IDLE_AFTER_MS.key: idle_after_s * MS_PER_S,
            NEXT_FIRST_MS.key: after.total_s * MS_PER_S,
        }
        return Outcome(values)

    async def _idle_after_s(self, server: Client) -> float:
        gone_s = time.perf_counter()
        while await self._is_busy(server):
            if time.perf_counter() - gone_s > self.patience_s:
                raise ScenarioFailed(f"slots are busy {self.patience_s:g} s after all clients went")
            await asyncio.sleep(POLL_S)
        return time.perf_counter() - gone_s

    async def _is_busy(self, server: Client) -> bool:
        return any(slot["is_processing"] for slot in await server.get(SLOTS))
