"""Streams while all of them run: the rate of decoding alone, without prompts and without ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from bench.asking import COMPLETIONS
from bench.asking import completion
from bench.client import Client
from bench.scenario import FIRST_P50_MS
from bench.scenario import MS_PER_S
from bench.scenario import Answer
from bench.scenario import Better
from bench.scenario import Metric
from bench.scenario import Outcome
from bench.scenario import first_ms
from bench.scenario import gaps_ms
from bench.scenarios.crowd import crowd
from bench.stats import percentile
from bench.stream import Stream
from bench.stream import tokens_of
from bench.words import words

STEADY_TOKENS_PER_S = Metric("steady_tok_s", "tokens while all run", "tok/s", Better.HIGHER)
STEP_MS = Metric("step_ms", "time for a token of each stream", "ms", Better.LOWER)
N_PROMPT = Metric("n_prompt", "tokens of a prompt", "", Better.NEITHER)


@dataclass(frozen=True, slots=True)
class Steady:
    """Prompts of any length, then streams at once; what counts is the time in which all run."""

    name: ClassVar[str] = "steady"
    answer: ClassVar[Answer] = Answer.TEXT
    metrics: ClassVar[tuple[Metric, ...]] = (STEADY_TOKENS_PER_S, STEP_MS, FIRST_P50_MS, N_PROMPT)

    streams: int = 8
    words: int = 16
    tokens: int = 128

    async def run(self, server: Client, seed: int) -> Outcome:
        """No chat template, so that a prompt is as long as it says."""
        bodies = [
            completion(words(self.words, seed, self.name, i), self.tokens)
            for i in range(self.streams)
        ]
        streams, _ = await crowd(server, COMPLETIONS, bodies)
        rate = steady_rate(streams)
        values = {
            STEADY_TOKENS_PER_S.key: rate,
            STEP_MS.key: self.streams / rate * MS_PER_S,
            FIRST_P50_MS.key: percentile(first_ms(streams), 50),
            N_PROMPT.key: float(max(stream.n_prompt for stream in streams)),
        }
        return Outcome(values, gaps_ms(streams), tokens_of(streams))


def steady_rate(streams: Sequence[Stream]) -> float:
    """Tokens a second from the last stream's first piece to the first stream's last; else nan."""
    times = [_times_s(stream) for stream in streams]
    if not all(len(each) > 1 for each in times):
        return math.nan
    begin_s, end_s = max(each[0] for each in times), min(each[-1] for each in times)
    if end_s <= begin_s:
        return math.nan
    n_tokens = sum(
        sum(begin_s < at_s <= end_s for at_s in each) * stream.n_tokens / len(each)
        for each, stream in zip(times, streams, strict=True)
    )
    return n_tokens / (end_s - begin_s) if n_tokens else math.nan


def _times_s(stream: Stream) -> list[float]:
    """When each piece of text came."""
    if stream.ttft_s is None:
        return []
    return list(accumulate(stream.gaps_s, initial=stream.start_s + stream.ttft_s))
