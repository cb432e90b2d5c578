"""The file of `--step-trace`: steps, their parts, and what they add up to. It knows no server."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from bench.errors import UsageError
from bench.stats import percentile

PARTS = (
    "messages",
    "admit",
    "bind",
    "plan",
    "build",
    "decode",
    "settle",
    "sample",
    "embed",
    "publish",
    "other",
)
ABOUT = {
    "messages": "requests and cancels that came",
    "admit": "tasks that get a slot",
    "bind": "sequences that get their cells",
    "plan": "which rows",
    "build": "the batch",
    "decode": "libllama",
    "settle": "sequences that have grown",
    "sample": "tokens out of logits, text, stops",
    "embed": "texts to embed",
    "publish": "events, and the wake-up",
    "other": "the rest of the step",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step; times in microseconds."""

    at_us: int
    n_streams: int
    n_prompts: int
    n_rows: int
    total_us: float
    parts_us: tuple[float, ...]  # in the order of PARTS
    waits_us: float  # of all parts but libllama
    decode_waits_us: float


@dataclass(frozen=True, slots=True)
class Part:
    """One part over all steps."""

    name: str
    mean_us: float
    p50_us: float
    p99_us: float
    percent: float  # of the time of all steps
    row_us: float  # a row of the batches


def read(lines: Iterable[bytes]) -> list[Step]:
    """The steps of a file; UsageError if it is something else. A last line that is cut is left."""
    steps = []
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            break
        try:
            record = orjson.loads(line)
            steps.append(
                Step(
                    record["at_us"],
                    record["streams"],
                    record["prompts"],
                    record["rows"],
                    record["total_us"],
                    tuple(record[f"{part}_us"] for part in PARTS),
                    record["waits_us"],
                    record["decode_waits_us"],
                )
            )
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise UsageError(f"line {number} is none that --step-trace wrote: {error}") from error
    return steps


def steady(steps: Sequence[Step], n_streams: int) -> list[Step]:
    """Those in which so many streams generated and no prompt was computed."""
    return [step for step in steps if step.n_streams == n_streams and not step.n_prompts]


def parts(steps: Sequence[Step]) -> list[Part]:
    """What each part took; those that took nothing are left out."""
    total_us = sum(step.total_us for step in steps)
    n_rows = sum(step.n_rows for step in steps)
    found = []
    for i, name in enumerate(PARTS):
        values = [step.parts_us[i] for step in steps]
        if total_us and sum(values):
            found.append(
                Part(
                    name,
                    sum(values) / len(values),
                    percentile(values, 50),
                    percentile(values, 99),
                    100 * sum(values) / total_us,
                    sum(values) / max(1, n_rows),
                )
            )
    return found


def chrome(steps: Sequence[Step]) -> bytes:
    """The same for chrome://tracing and Perfetto; parts follow each other as a step goes."""
    events = []
    for step in steps:
        at_us = float(step.at_us)
        about = {"streams": step.n_streams, "prompts": step.n_prompts, "rows": step.n_rows}
        events.append(_event("step", at_us, step.total_us, 1, about))
        for name, took_us in zip(PARTS, step.parts_us, strict=True):
            if took_us:
                events.append(_event(name, at_us, took_us, 2, {}))
                at_us += took_us
    return orjson.dumps({"traceEvents": events, "displayTimeUnit": "ms"})


def _event(
    name: str, at_us: float, took_us: float, row: int, about: dict[str, int]
) -> dict[str, object]:
    return {
        "name": name, "ph": "X", "ts": at_us, "dur": took_us, "pid": 1, "tid": row, "args": about,
    }  # fmt: skip
