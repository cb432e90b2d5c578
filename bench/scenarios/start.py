"""A server from its start to its first token, and what it holds then."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bench.asking import COMPLETIONS
from bench.asking import completion
from bench.client import Client
from bench.client import connect
from bench.errors import ScenarioFailed
from bench.scenario import Answer
from bench.scenario import Better
from bench.scenario import Metric
from bench.scenario import Outcome
from bench.servers import Launch
from bench.servers import running
from bench.usage import usage_of
from bench.words import words

READY_S = Metric("ready_s", "ready after", "s", Better.LOWER)
FIRST_TOKEN_S = Metric("start_to_token_s", "start to first token", "s", Better.LOWER)
IDLE_RSS_MIB = Metric("idle_rss_mib", "idle RSS", "MiB", Better.LOWER)
IDLE_PSS_MIB = Metric("idle_pss_mib", "idle, shared pages by halves", "MiB", Better.LOWER)
IDLE_PEAK_MIB = Metric("idle_peak_mib", "peak RSS of the start", "MiB", Better.LOWER)
IDLE_CPU = Metric("idle_cpu_percent", "CPU while idle", "%", Better.LOWER)
HERE_ONLY = "only servers that are started here can be started again (--ours, --against)"


@dataclass(frozen=True, slots=True)
class Start:
    """The server is started once more, gives one token, and then has nothing to do."""

    name: ClassVar[str] = "start"
    answer: ClassVar[Answer] = Answer.TEXT
    metrics: ClassVar[tuple[Metric, ...]] = (
        READY_S,
        FIRST_TOKEN_S,
        IDLE_RSS_MIB,
        IDLE_PSS_MIB,
        IDLE_PEAK_MIB,
        IDLE_CPU,
    )

    words: int = 20
    idle_s: float = 2.0

    async def run(self, server: Client, seed: int) -> Outcome:
        """A server that runs cannot be started; `start` is what is run."""
        raise ScenarioFailed(HERE_ONLY)

    async def start(self, launch: Launch | None, seed: int) -> Outcome:
        """Start one like it beside it; ScenarioFailed, ServerNotReady."""
        if launch is None:
            raise ScenarioFailed(HERE_ONLY)
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
            server = running(launch, Path(folder) / "log")
            start_s = time.perf_counter()
            target = await asyncio.to_thread(stack.enter_context, server)
            async with connect(target.url) as client:
                prompt = words(self.words, seed, self.name)
                await client.stream(COMPLETIONS, completion(prompt, 1))
            took_s = time.perf_counter() - start_s
            values = {READY_S.key: target.ready_s or 0.0, FIRST_TOKEN_S.key: took_s}
            values |= await self._idle(target.pid or 0)
        return Outcome(values, n_tokens=1)

    async def _idle(self, pid: int) -> dict[str, float]:
        """Nothing where the system does not tell."""
        before = usage_of(pid)
        await asyncio.sleep(self.idle_s)
        after = usage_of(pid)
        if before is None or after is None:
            return {}
        return {
            IDLE_RSS_MIB.key: after.rss_mib,
            IDLE_PSS_MIB.key: after.pss_mib,
            IDLE_PEAK_MIB.key: after.peak_rss_mib,
            IDLE_CPU.key: 100 * (after.cpu_s - before.cpu_s) / self.idle_s,
        }
