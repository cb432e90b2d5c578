"""The engine's counters as Prometheus metrics.

Names that begin with `llamacpp:` are llama-server's and mean the same; the others are ours. Answers
to server_task_result_metrics::to_metrics of llama.cpp `tools/server/server-task.cpp`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from prometheus_client import CollectorRegistry
from prometheus_client import ProcessCollector
from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from server.engine.client import EngineClient
from server.engine.modelinfo import ModelInfo
from server.engine.snapshot import Counters
from server.engine.snapshot import Distribution
from server.engine.snapshot import Snapshot

BLOCK_TOKENS = 16
"""What gateways take for the unit of shared prefixes: vLLM's. Ours is one token."""


class Metrics:
    """The metrics of one engine and of this process."""

    def __init__(self, engine: EngineClient) -> None:
        self.started_at = time.time()
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(EngineCollector(engine))
        ProcessCollector(registry=self.registry)

    def text(self) -> bytes:
        """All of them in Prometheus's text form."""
        return generate_latest(self.registry)


@dataclass(frozen=True, slots=True)
class Rate:
    """Tokens and the seconds they took, up to now."""

    n: int = 0
    seconds: float = 0.0

    def since(self, before: Rate) -> float:
        """Tokens a second since then; 0 where there were none."""
        seconds = self.seconds - before.seconds
        return (self.n - before.n) / seconds if seconds > 0 else 0.0


class EngineCollector(Collector):
    """The engine's snapshot as metrics. The two rates are those since the last look."""

    def __init__(self, engine: EngineClient) -> None:
        self._engine = engine
        self._prompt = Rate()
        self._predicted = Rate()

    def collect(self) -> Iterator[Metric]:
        """All of them, from one snapshot."""
        board = self._engine.board
        snapshot = board.snapshot
        yield from _counters(snapshot.counters)
        yield from self._rates(snapshot.counters)
        yield from _gauges(snapshot)
        yield from _own(snapshot)
        yield from _for_gateways(snapshot)
        if board.info is not None:
            yield from _capacity(snapshot, board.info)

    def _rates(self, counters: Counters) -> Iterator[Metric]:
        prompt = Rate(counters.n_prompt, counters.prompt_s)
        # first tokens come with the prompt: they took no time of their own
        predicted = Rate(sum(counters.gaps.counts), counters.predicted_s)
        before = self._prompt, self._predicted
        self._prompt, self._predicted = prompt, predicted
        yield _gauge("prompt_tokens_seconds", "Prompt tokens a second", prompt.since(before[0]))
        yield _gauge(
            "predicted_tokens_seconds",
            "Generated tokens a second of a request",
            predicted.since(before[1]),
        )


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"llamacpp:{name}", text, value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"llamacpp:{name}", text, value)


def _counters(counters: Counters) -> Iterator[Metric]:
    """llama-server's counters; the library adds _total to each name."""
    yield _counter("prompt_tokens", "Prompt tokens computed", counters.n_prompt)
    yield _counter("prompt_tokens_cached", "Prompt tokens reused", counters.n_prompt_cached)
    yield _counter("prompt_seconds", "Time of batches with prompt tokens", counters.prompt_s)
    yield _counter("tokens_predicted", "Tokens generated", counters.n_predicted)
    yield _counter(
        "tokens_predicted_seconds", "Time that requests took to generate", counters.predicted_s
    )
    yield _counter("n_decode", "Batches computed", counters.n_steps)
    for name, text in (
        ("draft_tokens", "Tokens drafted"),
        ("accepted_tokens", "Drafted tokens accepted"),
        ("drafts", "Drafts checked"),
    ):
        yield _counter(f"spec_decode_num_{name}", text, 0)


def _gauges(snapshot: Snapshot) -> Iterator[Metric]:
    counters = snapshot.counters
    n_busy = sum(slot.is_processing for slot in snapshot.slots)
    n_steps = max(counters.n_steps, 1)
    # a counter by its nature, but the library would rename it
    yield _gauge("n_tokens_max", "Most tokens that a request held", counters.n_tokens_max)
    yield _gauge("requests_processing", "Requests being answered", n_busy)
    yield _gauge("requests_deferred", "Requests that wait for a slot", snapshot.n_waiting)
    yield _gauge(
        "n_busy_slots_per_decode",
        "Requests in a batch, on average",
        counters.n_busy_slots / n_steps,
    )


def _own(snapshot: Snapshot) -> Iterator[Metric]:
    """What llama-server does not measure."""
    counters = snapshot.counters
    ended = CounterMetricFamily("llamactl_requests", "Requests by how they ended", labels=["end"])
    for end, n in counters.n_ended:
        ended.add_metric([end], n)
    yield ended
    yield CounterMetricFamily(
        "llamactl_preemptions", "Requests that gave up their cells", counters.n_preempted
    )
    yield GaugeMetricFamily("llamactl_kv_cells", "Cells of the KV cache", snapshot.n_cells)
    yield GaugeMetricFamily("llamactl_kv_cells_used", "Cells in use", snapshot.n_used_cells)
    for name, text, distribution in (
        ("queue", "Time from arrival to the first prompt token", counters.queue),
        ("time_to_first_token", "Time from arrival to the first token", counters.first_token),
        ("inter_token", "Time from a token to the next of its request", counters.gaps),
        ("request", "Time from arrival to the end", counters.requests),
    ):
        yield _histogram(f"llamactl_{name}_seconds", text, distribution)


def _histogram(name: str, text: str, distribution: Distribution) -> Metric:
    """Prometheus counts everything up to a bound, not between two."""
    buckets, n = [], 0
    bounds = [*map(str, distribution.bounds), "+Inf"]
    for bound, count in zip(bounds, distribution.counts or (0,), strict=True):
        n += count
        buckets.append((bound, float(n)))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=distribution.total)


def _for_gateways(snapshot: Snapshot) -> Iterator[Metric]:
    """What picks a server for a request looks for: Kubernetes' Gateway API Inference Extension."""
    n_busy = sum(slot.is_processing for slot in snapshot.slots)
    used = snapshot.n_used_cells / max(snapshot.n_cells, 1)
    for name, text, value in (
        ("num_requests_running", "Requests being answered", n_busy),
        ("num_requests_waiting", "Requests that wait for a slot", snapshot.n_waiting),
        ("kv_cache_usage_perc", "Share of the KV cache's cells in use, 0 to 1", used),
    ):
        yield GaugeMetricFamily(f"vllm:{name}", text, value)


def _capacity(snapshot: Snapshot, info: ModelInfo) -> Iterator[Metric]:
    """As _for_gateways: the size of the cache, and the adapters that are loaded, in labels."""
    cache = GaugeMetricFamily(
        "vllm:cache_config_info", "The KV cache", labels=["block_size", "num_gpu_blocks"]
    )
    cache.add_metric([str(BLOCK_TOKENS), str(snapshot.n_cells // BLOCK_TOKENS)], 1)
    yield cache
    if info.adapters:
        names = ",".join(PurePath(adapter.path).stem for adapter in info.adapters)
        lora = GaugeMetricFamily(
            "vllm:lora_requests_info",
            "LoRA adapters that are loaded; the value is the time",
            labels=["max_lora", "running_lora_adapters", "waiting_lora_adapters"],
        )
        # all are loaded with the model, so that none is ever waited for
        lora.add_metric([str(len(info.adapters)), names, ""], time.time())
        yield lora
