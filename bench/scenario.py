"""What a scenario is, and what it gives back.

A scenario is a frozen dataclass: its fields are the sizes of the load, its `run` puts that load on
one server once. It does not know of rounds, of a second server, or of how figures are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any
from typing import ClassVar
from typing import Protocol

from bench.client import Client
from bench.stats import percentile
from bench.stream import Stream

MS_PER_S = 1000.0


class Better(Enum):
    """Which way a figure should go."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


class Answer(Enum):
    """What a server has to give for the scenario, and by which two servers are held equal."""

    TEXT = "text"
    VECTORS = "vectors"
    SCORES = "scores"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a scenario; its unit is in the key as well."""

    key: str
    label: str
    unit: str
    better: Better


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of a scenario gave: a value for each metric, and what lies behind them."""

    values: Mapping[str, float]
    gaps_ms: tuple[float, ...] = ()  # between pieces of text, of all streams
    n_tokens: int = 0  # generated
    note: str = ""


class Scenario(Protocol):
    """A load of a certain size. The first line of its docstring is its help."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    name: ClassVar[str]
    answer: ClassVar[Answer]
    metrics: ClassVar[tuple[Metric, ...]]

    async def run(self, server: Client, seed: int) -> Outcome:
        """Put the load on the server once. Equal seeds ask for the same; ScenarioFailed."""


@dataclass(frozen=True, slots=True)
class Load:
    """A scenario to be run; one of several sizes of it, where it is swept."""

    scenario: Scenario
    swept: str = ""  # "streams=4"

    @property
    def title(self) -> str:
        """What it is called in reports."""
        return f"{self.scenario.name} {self.swept}".rstrip()


TOKENS_PER_S = Metric("tok_s", "tokens generated", "tok/s", Better.HIGHER)
REQUESTS_PER_S = Metric("req_s", "requests", "1/s", Better.HIGHER)
WALL_S = Metric("wall_s", "wall time", "s", Better.LOWER)
FIRST_P50_MS = Metric("ttft_p50_ms", "first token p50", "ms", Better.LOWER)
FIRST_P99_MS = Metric("ttft_p99_ms", "first token p99", "ms", Better.LOWER)
FIRST_MAX_MS = Metric("ttft_max_ms", "first token max", "ms", Better.LOWER)
GAP_P50_MS = Metric("gap_p50_ms", "gap p50", "ms", Better.LOWER)
GAP_P95_MS = Metric("gap_p95_ms", "gap p95", "ms", Better.LOWER)
GAP_P99_MS = Metric("gap_p99_ms", "gap p99", "ms", Better.LOWER)
GAP_MAX_MS = Metric("gap_max_ms", "gap max", "ms", Better.LOWER)
CACHED = Metric("cached_percent", "prompt tokens from cache", "%", Better.NEITHER)
FAILED = Metric("failed", "requests failed", "", Better.LOWER)


def gaps_ms(streams: Sequence[Stream]) -> tuple[float, ...]:
    """The gaps of all streams."""
    return tuple(gap * MS_PER_S for stream in streams for gap in stream.gaps_s)


def first_ms(streams: Sequence[Stream]) -> list[float]:
    """How long each stream was silent first; streams without any text are left out."""
    return [stream.ttft_s * MS_PER_S for stream in streams if stream.ttft_s is not None]


def gap_values(gaps: Sequence[float]) -> dict[str, float]:
    """The four figures of the gaps."""
    return {
        GAP_P50_MS.key: percentile(gaps, 50),
        GAP_P95_MS.key: percentile(gaps, 95),
        GAP_P99_MS.key: percentile(gaps, 99),
        GAP_MAX_MS.key: percentile(gaps, 100),
    }


def cached_percent(streams: Sequence[Stream]) -> float:
    """The share of prompt tokens that the server says it had; nan where it does not say."""
    n_prompt = sum(stream.n_prompt for stream in streams)
    n_cached = [stream.n_cached for stream in streams]
    if not n_prompt or None in n_cached:
        return float("nan")
    return 100 * sum(n or 0 for n in n_cached) / n_prompt
